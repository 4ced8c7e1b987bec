"""Variables in texts, and .env files."""

import pytest

from wsgi_gateway.config.problems import Report
from wsgi_gateway.config.variables import expand, read_dotenv

ENVIRON = {"KEY": "k", "EMPTY": "", "DOLLAR": "$KEY"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("$KEY", "k"),
        ("${KEY}", "k"),
        ("a-$KEY-${KEY}b", "a-k-kb"),
        ("${KEY:-other}", "k"),
        ("${MISSING:-http://localhost:51001}", "http://localhost:51001"),
        ("${EMPTY:-default}", "default"),
        ("${MISSING:-}", ""),
        ("$EMPTY", ""),
        ("$$KEY", "$KEY"),
        ("$DOLLAR", "$KEY"),
        ("5$ and $9 and $", "5$ and $9 and $"),
        ("$KEYÄ", "kÄ"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    expansion = expand(text, ENVIRON)
    assert expansion.text == expanded
    assert not expansion.unset
    assert not expansion.broken


def test_unset_variables_are_named_once() -> None:
    assert expand("$A ${B} $A", {}).unset == ("A", "B")


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A:?x}"])
def test_a_broken_reference_is_noticed(text: str) -> None:
    assert expand(text, {"A": "a"}).broken


def test_only_a_text_that_names_a_variable_is_changed() -> None:
    assert not expand("8000", {}).changed
    assert expand("$PORT", {"PORT": "8000"}).changed


def test_dotenv_forms() -> None:
    report = Report(".env")
    text = """
    # comment
    A=1
    export B = two words # comment
    C="quoted # not a comment" # comment
    D='single'
    E=
    F=a#b
    """
    assert read_dotenv(text, report) == {
        "A": "1",
        "B": "two words",
        "C": "quoted # not a comment",
        "D": "single",
        "E": "",
        "F": "a#b",
    }
    assert report.warnings == []


def test_a_line_of_another_form_is_a_warning_without_its_text() -> None:
    report = Report(".env")
    assert read_dotenv("A=1\nsk-secret\n", report) == {"A": "1"}
    (warning,) = report.warnings
    assert warning.line == 2
    assert "sk-secret" not in str(warning)
