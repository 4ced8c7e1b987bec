"""The guard rail: what counts as a regression, and how valgrind's log is read."""

import pytest

from bench.instructions import compare, counted


def test_growth_within_the_limit_is_no_regression() -> None:
    assert compare({"a": 1.14, "b": 0.5}, {"a": 1.0, "b": 1.0}) == []


def test_growth_beyond_the_limit_is_told() -> None:
    assert compare({"a": 1.2, "b": 1.0}, {"a": 1.0, "b": 1.0}) == ["a: +20.0% instructions"]


def test_cases_and_baseline_must_know_the_same() -> None:
    wrong = compare({"a": 1.0, "new": 1.0}, {"a": 1.0, "old": 1.0})

    assert [line.partition(":")[0] for line in wrong] == ["new", "old"]


def test_the_count_in_a_log() -> None:
    assert (
        counted("==7== Cachegrind\n==7== \n==7== I   refs:      1,186,373,229\n") == 1_186_373_229
    )
    with pytest.raises(RuntimeError):
        counted("==7== Cachegrind\n")
