"""What an upstream says of its limits, in the headers that the client's side knows, and whether to try again.

OpenAI tells when a limit is reset as a duration (``6m0s``), Anthropic as a time (RFC 3339): protocols digest 1.6.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isnan

_LONGEST_WAIT = 60.0
"""Seconds. anthropic-py sleeps through any longer one, openai-py gives up at it (protocols digest 1.7)."""

_FACTS = ("limit", "remaining", "reset")
_UNITS = ("requests", "tokens")
_DURATION = re.compile(
    r"(?:(?P<days>\d{1,3})d)?(?:(?P<hours>\d{1,5})h)?(?:(?P<minutes>\d{1,6})m(?!s))?"
    r"(?:(?P<seconds>\d{1,7}(?:\.\d+)?)(?:s|$))?(?:(?P<milliseconds>\d{1,9}(?:\.\d+)?)ms)?"
)
"""As Go writes it. Some hosts of OpenAI's API leave the unit of seconds out."""


def limits_for(client_api: str, upstream: Mapping[str, str]) -> dict[str, str]:
    """The rate-limit headers of the other side's APIs under the names that clients of ``client_api`` read."""
    told = {}
    for fact in _FACTS:
        for unit in _UNITS:
            openai, anthropic = f"x-ratelimit-{fact}-{unit}", f"anthropic-ratelimit-{unit}-{fact}"
            theirs, ours = (openai, anthropic) if client_api == "messages" else (anthropic, openai)
            value: str | None = upstream.get(theirs)
            if value is not None and fact == "reset":
                value = _as_time(value) if client_api == "messages" else _as_duration(value)
            if value is not None and ours not in upstream:
                told[ours] = value
    return told


def is_long_wait(headers: Mapping[str, str]) -> bool:
    """Whether an error's headers ask for a wait that no client should sit through."""
    seconds = seconds_asked(headers)
    return seconds is not None and seconds > _LONGEST_WAIT


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """The wait that an error's headers ask for; None if for none. Not negative."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    seconds = _number(headers.get("retry-after"))
    if seconds is None:
        seconds = _seconds_until(headers.get("retry-after", ""))
    return None if seconds is None else max(0.0, seconds)


def _as_time(duration: str) -> str | None:
    """A duration from now as a time, to the second; None if it is none."""
    found = _DURATION.fullmatch(duration.strip())
    parts = (
        {name: float(value) for name, value in found.groupdict().items() if value} if found else {}
    )
    if not parts:
        return None
    at = datetime.now(UTC) + timedelta(**parts)
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _as_duration(time: str) -> str | None:
    """A time as the duration until then, to the second; None if it is none."""
    try:
        at = datetime.fromisoformat(time.strip())
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    seconds = max(0, round((at - datetime.now(UTC)).total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours}h{minutes}m{seconds % 60}s"
    return f"{minutes}m{seconds % 60}s" if minutes else f"{seconds}s"


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return None if number is None or isnan(number) else number


def _seconds_until(http_date: str) -> float | None:
    try:
        at = parsedate_to_datetime(http_date)
    except (ValueError, IndexError, OverflowError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return (at - datetime.now(UTC)).total_seconds()
