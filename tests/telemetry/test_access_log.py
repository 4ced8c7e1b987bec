"""What a line says of records that are seldom. The usual ones: tests/integration/test_access_log.py."""

from __future__ import annotations

import json
from typing import Any

from wsgi_gateway.telemetry.access_log import line_of
from wsgi_gateway.telemetry.record import Record

ALWAYS = {
    "time": "2001-09-09T01:46:40.250000Z",
    "request_id": "",
    "api": "responses",
    "operation": "reply",
    "status": 0,
    "ending": "finished",
    "stream": False,
    "model_asked": None,
    "provider": None,
    "model": None,
    "attempts": 0,
    "duration_ms": 1500.0,
    "first_event_ms": None,
    "upstream_ms": 0.0,
    "gateway_ms": 1500.0,
}


def told(**facts: Any) -> dict[str, Any]:
    """What is in a line beside what always is."""
    record = Record(
        api="responses", method="reply", time=1e9 + 0.25, started=1.0, ended=2.5, **facts
    )
    line = line_of(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read = json.loads(line)
    assert list(read)[: len(ALWAYS)] == list(ALWAYS)
    return {name: value for name, value in read.items() if ALWAYS.get(name, "no") != value}


def test_what_is_not_known_is_left_out() -> None:
    assert told() == {}


def test_what_it_cost() -> None:
    assert told(cost=1_500_000) == {"cost_usd": 0.0015}
    assert told(cost=0) == {"cost_usd": 0.0}


def test_what_was_lost_and_what_kind_of_request_it_was() -> None:
    assert told(approximated=1, dropped=2, background=True) == {"losses": 3, "background": True}
    assert told(upstream_api="responses") == {}
    assert told(upstream_api="messages") == {"upstream_api": "messages"}


def test_control_characters_and_odd_texts_stay_in_their_value() -> None:
    name = "\x00\x1b\r\n\x7f\u2028\ufeff\U0001f600"
    assert told(asked=name) == {"model_asked": name}
