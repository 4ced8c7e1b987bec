"""How problems are collected, placed and printed."""

import pytest

from wsgi_gateway.config.problems import (
    ConfigError,
    Path,
    Problem,
    Report,
    closest,
    did_you_mean,
    format_path,
    shown,
)


def test_a_problem_says_where_what_and_what_instead() -> None:
    problem = Problem(path="a.b", message="is wrong", suggestion="do it", file="c.yaml", line=3)
    assert str(problem) == "c.yaml:3: error: a.b: is wrong\n    do it"


def test_a_problem_without_a_file_has_no_line() -> None:
    assert str(Problem(path="a", message="is wrong", severity="warning")) == "warning: a: is wrong"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("model_providers", 2, "access_key"), "model_providers[2].access_key"),
        (("model_aliases", "fast.v1", "target"), 'model_aliases["fast.v1"].target'),
        (("headers", "X-Key"), "headers.X-Key"),
        (("a\nb",), '["a?b"]'),
    ],
)
def test_paths_read_like_code(path: Path, text: str) -> None:
    assert format_path(path) == text


def test_the_line_is_that_of_the_nearest_known_place() -> None:
    report = Report("c.yaml")
    report.lines = {(): 1, ("a",): 4, ("a", 0): 5}
    assert report.line_of(("a", 0, "missing")) == 5
    assert report.line_of(("b",)) == 1


def test_problems_come_in_the_file_s_order_and_know_what_failed() -> None:
    report = Report("c.yaml")
    report.lines = {("a",): 9, ("b",): 2}
    report.error(("a", 0), "late")
    report.error(("b",), "early")
    report.warning(("b",), "beware")
    assert [problem.message for problem in report.errors] == ["early", "late"]
    assert [problem.severity for problem in report.warnings] == ["warning"]
    assert report.failed(("a",))
    assert not report.failed(("a", 0, "deeper"))
    assert not report.failed(("c",))


def test_a_config_error_prints_all_its_problems() -> None:
    error = ConfigError([Problem(path="a", message="one"), Problem(path="b", message="two")])
    assert str(error) == "error: a: one\nerror: b: two"


def test_suggestions_ignore_case_and_give_up_when_nothing_is_near() -> None:
    assert closest("OpenAi", ["openai", "groq"])[0] == "openai"
    assert did_you_mean("acces_key", ["access_key", "name"]) == "did you mean access_key?"
    assert did_you_mean("zzz", ["a", "b"]) == "one of: a, b"
    assert did_you_mean("zzz", map(str, range(100))) is None
    assert did_you_mean("zzz", []) is None


def test_shown_texts_are_short_and_on_one_line() -> None:
    assert shown("a\x1b[31m\nb") == "a?[31m?b"
    assert len(shown("x" * 1000)) == 80
