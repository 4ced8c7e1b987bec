"""YAML with lines, duplicates, and what a hostile or careless file may contain."""

import pytest

from wsgi_gateway.config.positions import read_yaml
from wsgi_gateway.config.problems import Report


def read(text: str) -> tuple[object, Report]:
    report = Report("c.yaml")
    return read_yaml(text, report), report


def test_values_and_lines() -> None:
    value, report = read("a: 1\nb:\n  - x\n  - c: true\n    d: null\n")
    assert value == {"a": 1, "b": ["x", {"c": True, "d": None}]}
    assert report.lines[("b",)] == 2
    assert report.lines[("b", 0)] == 3
    assert report.lines[("b", 1, "d")] == 5
    assert report.errors == []


def test_an_empty_document_is_none() -> None:
    assert read("")[0] is None
    assert read("# nothing\n")[0] is None


def test_a_duplicate_key_names_both_lines() -> None:
    _, report = read("a: 1\nb: 2\na: 3\n")
    (problem,) = report.errors
    assert (problem.path, problem.line) == ("a", 3)
    assert "first in line 1" in problem.message


def test_anchors_and_merges_are_followed_without_false_duplicates() -> None:
    value, report = read(
        "base: &base {key: k, url: u}\none: &one\n  <<: *base\n  url: v\ntwo: *one\nthree: *one\n"
    )
    assert report.errors == []
    assert value == {
        "base": {"key": "k", "url": "u"},
        **{name: {"key": "k", "url": "v"} for name in ("one", "two", "three")},
    }


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML"),
        ("a: 1\n\x00", 2, "character"),
        ("a: 1\n--- \nb: 2\n", 2, "not YAML"),
        ("a: *nowhere\n", 1, "alias"),
        ("a:\n  - !mine x\n", 2, "unknown tag"),
        ("a: !!python/object:os.system x\n", 1, "python/object"),
        ("a: 2001-99-99\n", 1, "not a timestamp"),
        ("a: !!int x\n", 1, "not a int"),
        ("a: !!bool x\n", 1, "not a bool"),
        ("? [1, 2]\n: x\n", 1, "plain text"),
        ("a: &a [*a]\n", 1, "contains itself"),
        ("x: =\n", 1, "not YAML"),
        ("[" * 200_000, 1, "nested too deeply"),
        ("a: " + "{b: " * 100, 1, "nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_reported(text: str, line: int, message: str) -> None:
    _, report = read(text)
    (problem,) = report.errors
    assert message in problem.message
    assert problem.line == line


def test_aliases_of_aliases_end() -> None:
    layers = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    _, report = read("l0: &l0 [x]\n" + layers)
    assert "far too many" in report.errors[-1].message
