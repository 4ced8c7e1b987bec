"""What a writer may rely on, whatever a reply's reader has met.

Here: the promises of ``events``, checked on a whole reply. Not here: replies.
"""

from __future__ import annotations

from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
)


def check_promises(events: list[Event]) -> None:
    """Assert that ``events`` are what a writer may rely on."""
    assert [type(event) for event in events].count(Started) == 1 or isinstance(events[0], Failed)
    assert isinstance(events[0], Started | Failed)
    assert isinstance(events[-1], Finished | Failed)
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    count, still_open, calls = 0, set[int](), 0
    for event in events:
        match event:
            case PartStarted():
                assert event.index == count
                count += 1
                still_open.add(event.index)
                calls += event.kind == "tool_call"
            case Delta():
                assert event.index in still_open
                assert event.text
            case PartEnded():
                still_open.remove(event.index)
            case Finished():
                assert not still_open
                assert event.reason != "tool_calls" or calls
                assert event.reason != "stop" or not calls
