"""Limits under the client's names, durations as times and back, and waits that are too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from wsgi_gateway.upstream import limits
from wsgi_gateway.upstream.limits import is_long_wait, limits_for, seconds_asked

NOW = datetime(2031, 1, 1, 12, tzinfo=UTC)
TO_TIME = "x-ratelimit-reset-requests", "anthropic-ratelimit-requests-reset"


class Frozen(datetime):
    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        assert tz is UTC
        return NOW


@pytest.fixture(autouse=True)
def _frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "datetime", Frozen)


def test_each_limit_gets_the_clients_name() -> None:
    openai = {
        "X-RateLimit-Limit-Requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "999",
        "x-ratelimit-reset-tokens": "6m0s",
        "x-ratelimit-limit-images": "3",
    }
    anthropic = {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "59",
        "anthropic-ratelimit-tokens-limit": "1000",
        "anthropic-ratelimit-tokens-remaining": "999",
        "anthropic-ratelimit-tokens-reset": "2031-01-01T12:06:00Z",
    }
    assert limits_for("messages", CaseInsensitiveDict(openai)) == anthropic
    back = limits_for("responses", anthropic | {"anthropic-ratelimit-input-tokens-limit": "7"})
    assert back == {name.lower(): openai[name] for name in openai if "images" not in name}


def test_what_the_client_knows_already_is_not_told_again() -> None:
    both = {"x-ratelimit-limit-tokens": "1", "anthropic-ratelimit-tokens-limit": "2"}
    assert limits_for("messages", both) == limits_for("chat_completions", both) == {}


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("6m0s", 360),
        ("1s", 1),
        ("0s", 0),
        ("120ms", 0.12),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("1d2h", 93_600),
        ("2m59.56s", 179.56),
        ("12", 12),
    ],
)
def test_a_duration_becomes_a_time(duration: str, seconds: float) -> None:
    told = limits_for("messages", {TO_TIME[0]: duration})[TO_TIME[1]]
    assert told.endswith("Z")
    assert datetime.fromisoformat(told) == (NOW + timedelta(seconds=seconds)).replace(microsecond=0)


@pytest.mark.parametrize(
    ("time", "duration"),
    [
        ("2031-01-01T12:06:00Z", "6m0s"),
        ("2031-01-01T12:00:07.4Z", "7s"),
        ("2031-01-01T14:01:00+01:00", "1h1m0s"),
        ("2031-01-01T12:00:59", "59s"),
        ("2030-01-01T12:00:00Z", "0s"),
    ],
)
def test_a_time_becomes_a_duration(time: str, duration: str) -> None:
    assert limits_for("chat_completions", {TO_TIME[1]: time}) == {TO_TIME[0]: duration}


@given(st.text(max_size=20) | st.from_regex(r"[0-9dhms.:TZ+-]{0,20}"))
def test_no_text_breaks_it(text: str) -> None:
    for client, name in zip(("messages", "responses"), TO_TIME, strict=True):
        for told in limits_for(client, {name: text}).values():
            assert told[0].isdigit()
    assert is_long_wait({"retry-after": text}) in {True, False}


@pytest.mark.parametrize("odd", ["", "soon", "1741305600000", "0.5.5s", "5x", "-3s"])
def test_what_is_no_duration_is_not_told(odd: str) -> None:
    assert limits_for("messages", {TO_TIME[0]: odd}) == {}


@pytest.mark.parametrize(
    ("headers", "is_long"),
    [
        ({}, False),
        ({"retry-after": "60"}, False),
        ({"retry-after": "61"}, True),
        ({"retry-after": "60.5"}, True),
        ({"retry-after": "soon"}, False),
        ({"retry-after-ms": "60001"}, True),
        ({"retry-after-ms": "500", "retry-after": "3600"}, False),
        ({"retry-after": format_datetime(NOW + timedelta(minutes=5), usegmt=True)}, True),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=5), usegmt=True)}, False),
    ],
)
def test_long_waits(headers: dict[str, str], is_long: bool) -> None:
    """retry-after-ms is what SDKs look at first."""
    assert is_long_wait(headers) is is_long


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "60"}, 1.5),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=5), usegmt=True)}, 5),
        ({"retry-after": format_datetime(NOW - timedelta(seconds=5), usegmt=True)}, 0),
    ],
)
def test_waits(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_asked(headers) == seconds
