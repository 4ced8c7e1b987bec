"""The frames of an event stream, and what the judges of the three APIs share.

Here: bytes -> frames -> events, as strict as the gateway should write them. Not here: what each API promises
(validators.py, responses_judge.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from support.streams import Json

Ending = Literal["finished", "incomplete", "failed", "cut"]
"""Regular end; end at a limit or filter; error told in the stream; no end at all."""


def frames(raw: bytes) -> Iterator[tuple[str | None, str]]:
    """The (event, data) frames of a stream that was written as carefully as the gateway should
    write.
    """
    assert not raw.startswith(b"\xef\xbb\xbf"), "byte order mark"
    assert b"\r" not in raw, "carriage return"
    assert raw.endswith(b"\n\n") or not raw, f"last event is not closed: {raw[-200:]!r}"
    for block in raw.decode().split("\n\n")[:-1]:
        event: str | None = None
        data: list[str] = []
        for line in block.removeprefix("\n").split("\n"):
            if line.startswith(":"):
                continue
            name, _, value = line.partition(": ")
            assert name in {"event", "data"}, f"line that crashes clients: {line!r}"
            if name == "event":
                event = value
            else:
                data.append(value)
        if event is None and not data:
            continue
        assert len(data) == 1 and data[0], f"not exactly one data line: {block!r}"
        yield event, data[0]


def named_events(raw: bytes) -> list[Json]:
    events = []
    for event, data in frames(raw):
        parsed: Json = json.loads(data)
        assert event == parsed["type"], f"event line {event!r} over type {parsed['type']!r}"
        events.append(parsed)
    return events


def check_openai_error(error: Json) -> None:
    assert {"message", "type", "param", "code"} <= set(error), error
    assert error["message"] and error["type"], error
