"""What a reply's events may hold, whoever reads them."""

from __future__ import annotations

import pytest

from wsgi_gateway.protocols.events import Usage


@pytest.mark.parametrize(("told", "believed"), [(-1, 0), (0, 0), (7, 7), (10**30, 10**9)])
@pytest.mark.parametrize("name", ["input", "output", "cache_read", "cache_write", "reasoning"])
def test_only_what_may_be_a_number_of_tokens_is_believed(
    name: str, told: int, believed: int
) -> None:
    assert getattr(Usage(**{name: told}), name) == believed


def test_what_is_not_told_stays_so() -> None:
    assert Usage(input=-1).reasoning is None
