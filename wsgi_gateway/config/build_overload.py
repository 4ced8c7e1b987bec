"""``overload``: the rules between its keys, and the defaults."""

import re

from wsgi_gateway.config.build import read_seconds
from wsgi_gateway.config.model import Overload
from wsgi_gateway.config.overload_schema import OverloadEntry
from wsgi_gateway.config.problems import Path, Report

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_PATH: Path = ("overload",)


def build_overload(entry: OverloadEntry | None, report: Report) -> Overload:
    """What the entry says, and the default for what it leaves out. Every breach is reported."""
    default = Overload()
    if entry is None:
        return default
    in_flight = default.max_in_flight if entry.max_in_flight is None else entry.max_in_flight
    if not in_flight and (entry.max_queued or entry.queue_timeout):
        report.warning((*_PATH, "max_in_flight"), "0 is no bound, so no request waits")
    return Overload(
        max_in_flight=in_flight or None,
        max_queued=default.max_queued if entry.max_queued is None else entry.max_queued,
        queue_timeout=_time(entry, "queue_timeout", default.queue_timeout, report) or 0.0,
        max_body_size=_size(entry, "max_body_size", default.max_body_size, report),
        max_reply_size=_size(entry, "max_reply_size", default.max_reply_size, report),
        min_body_rate=_size(entry, "min_body_rate", default.min_body_rate, report),
        header_timeout=_time(entry, "header_timeout", default.header_timeout, report),
        body_timeout=_time(entry, "body_timeout", default.body_timeout, report),
        send_timeout=_time(entry, "send_timeout", default.send_timeout, report),
    )


def _time(entry: OverloadEntry, key: str, default: float | None, report: Report) -> float | None:
    value = getattr(entry, key)
    return default if value is None else read_seconds(value, (*_PATH, key), report)


def _size(entry: OverloadEntry, key: str, default: int, report: Report) -> int:
    """In bytes."""
    value = getattr(entry, key)
    match = _SIZE.fullmatch(str(default if value is None else value).strip())
    if match is None:
        report.error((*_PATH, key), "not a size", "bytes, or 512KB, 32MB, 1GB")
        return default
    size = int(float(match[1]) * _UNITS[match[2].lower()])
    if size < 1:
        report.error((*_PATH, key), "must be at least one byte")
    return size
