"""The generic checker: types, unknown keys, variables, and what is left when something is wrong."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct

from wsgi_gateway.config.checking import Checker, describe, kind_of
from wsgi_gateway.config.key_types import NotServed
from wsgi_gateway.config.problems import Report
from wsgi_gateway.config.secret import Secret


class Inner(Struct, forbid_unknown_fields=True, kw_only=True):
    word: Annotated[str, Meta(min_length=1)]
    flag: bool = False


class Outer(Struct, forbid_unknown_fields=True, kw_only=True):
    number: Annotated[int, Meta(ge=1, le=9)] = 5
    amount: str | float | None = None
    key: Secret | None = None
    colours: list[Literal["red", "green"]] | None = None
    inners: list[Inner] | Inner | None = None
    named: dict[str, Inner] | None = None
    filters: NotServed = None


def check(value: object, **environ: str) -> tuple[Outer | None, Report, Checker]:
    report = Report()
    checker = Checker(report, environ)
    return checker.read(value, Outer), report, checker


def test_a_correct_value_is_read_whole() -> None:
    value = {
        "number": 3,
        "amount": 1.5,
        "key": "k",
        "colours": ["red"],
        "inners": [{"word": "a", "flag": True}],
        "named": {"n": {"word": "b"}},
    }
    read, report, checker = check(value)
    assert report.errors == []
    assert read == Outer(
        number=3,
        amount=1.5,
        key=Secret("k"),
        colours=["red"],
        inners=[Inner(word="a", flag=True)],
        named={"n": Inner(word="b")},
    )
    assert read.named
    assert checker.path_of(read.named["n"]) == ("named", "n")


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ([], "", "must be a mapping, not a list"),
        (None, "", "must be a mapping, not empty"),
        ({"number": "three"}, "number", "must be a whole number, not text"),
        ({"number": True}, "number", "must be a whole number, not true"),
        ({"number": 2.5}, "number", "must be a whole number, not the number 2.5"),
        ({"number": 10}, "number", "must be a whole number from 1 to 9"),
        ({"amount": []}, "amount", "must be text or a number, not a list"),
        ({"key": 12345}, "key", "must be text, not a whole number"),
        ({"colours": "red"}, "colours", "must be a list, not text"),
        ({"colours": ["blue"]}, "colours[0]", "'blue' is not allowed here"),
        ({"inners": 3}, "inners", "must be a list or a mapping, not a whole number"),
        ({"inners": [{"flag": True}]}, "inners[0]", "word is missing"),
        ({"inners": {"word": ""}}, "inners.word", "must be text that is not empty"),
        ({"inners": {"word": None}}, "inners.word", "must be text, not empty"),
        ({"named": {"n": {"word": "a", "flg": True}}}, "named.n.flg", "unknown key"),
        ({"named": {4: {"word": "a"}}}, '["4"]', "a key must be text"),
        ({5: 1}, '["5"]', "a key must be text"),
        ({"key": "$KEY"}, "key", "environment variable KEY is not set"),
        ({"key": "${"}, "key", "${ is not followed"),
        ({"number": object()}, "number", "must be a whole number, not this"),
    ],
)
def test_each_departure_is_named(value: object, path: str, message: str) -> None:
    _, report, _ = check(value)
    (problem,) = report.errors
    assert problem.path.endswith(path)
    assert message in problem.message


def test_one_wrong_entry_leaves_the_others() -> None:
    read, report, checker = check({"inners": [{"word": "a"}, {}, {"word": "c"}], "number": "x"})
    assert read
    assert isinstance(read.inners, list)
    assert [inner.word for inner in read.inners] == ["a", "c"]
    assert checker.path_of(read.inners[1]) == ("inners", 2)
    assert read.number == 5
    assert len(report.errors) == 2


def test_variables_may_stand_for_numbers_and_booleans() -> None:
    read, report, _ = check({"number": "$N", "inners": {"word": "w", "flag": "${F:-true}"}}, N="7")
    assert report.errors == []
    assert read
    assert read.number == 7
    assert read.inners == Inner(word="w", flag=True)


def test_a_variable_s_value_is_never_shown() -> None:
    _, report, _ = check({"colours": ["$C"], "number": "$C"}, C="sk-secret")
    assert len(report.errors) == 2
    assert "sk-secret" not in "".join(map(str, report.errors))


def test_what_is_not_served_is_one_warning_and_its_variables_are_left_alone() -> None:
    _, report, checker = check({"filters": {"key": "$UNSET"}})
    checker.warn_not_served([])
    assert report.errors == []
    (warning,) = report.warnings
    assert warning.path == "filters"
    assert "not filtered" in warning.message


def test_what_is_not_served_below_something_ignored_is_not_mentioned() -> None:
    _, report, checker = check({"filters": {}})
    checker.warn_not_served([("filters",)])
    assert report.warnings == []


def test_types_in_words() -> None:
    assert describe(list[int]) == "a list"
    assert describe(Literal["a", "b"]) == "one of a, b"
    assert describe(bool) == "true or false"
    assert kind_of({}) == "a mapping"
    assert kind_of(10**5000) == "a whole number"
