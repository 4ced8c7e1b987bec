"""Deltas that arrived together are told as those that came one by one, by all who take events.

Here: the writers and the stop sequences. Not here: how they are read (test_steady.py).
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dice import Dice, dice
from support.events import one_by_one
from support.generated_replies import draw_plan, events_of
from support.pairs import APIS
from support.relayed import clients_of, settled
from support.streams import Api
from support.translated import written

from wsgi_gateway.protocols.conversation import Message, Proof, Reasoning, Text, ToolCall
from wsgi_gateway.protocols.events import (
    Delta,
    Deltas,
    Event,
    Finished,
    PartEnded,
    PartStarted,
    Started,
)
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.stop_sequences import StopCutter
from wsgi_gateway.state import ThoughtCache


def together(events: Iterable[Event]) -> list[Event]:
    """Deltas without log probabilities that follow each other in one part as one event."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if not isinstance(event, Delta) or event.logprobs is not None:
            joined.append(event)
        elif isinstance(last, Deltas) and last.index == event.index:
            last.texts.append(event.text)
        else:
            joined.append(Deltas(event.index, [event.text]))
    return joined


@given(dice(), st.integers(1, 3))
def test_every_writer_writes_an_event_for_each(thrown: Dice, cut: int) -> None:
    plan = draw_plan(thrown)
    alone: list[Event] = []
    for event in events_of(plan):
        if isinstance(event, Delta) and event.logprobs is None:
            alone += [
                Delta(event.index, event.text[at : at + cut])
                for at in range(0, len(event.text), cut)
            ]
        else:
            alone.append(event)

    for api in clients_of(plan):
        assert settled(written(api, together(alone))) == settled(written(api, alone))


@pytest.mark.parametrize("api", APIS)
def test_further_messages_are_set_apart_all_the_same(api: Api) -> None:
    events: list[Event] = [
        Started(id="r", model="m"),
        PartStarted(index=0, kind="text"),
        Deltas(0, ["a", "b"]),
        PartEnded(index=0),
        PartStarted(index=1, kind="text", starts_message=True),
        Deltas(1, ["c", "d"]),
        PartEnded(index=1),
        Finished(reason="stop"),
    ]

    assert settled(written(api, events)) == settled(written(api, one_by_one(events)))


@given(st.lists(st.sampled_from(("a", "ST", "OP", "S", "STOP", "END!")), min_size=1, max_size=6))
def test_a_stop_sequence_is_found_in_them(texts: list[str]) -> None:
    events: list[Event] = [
        Started(id="r", model="m"),
        PartStarted(index=0, kind="text"),
        Deltas(0, texts),
        PartEnded(index=0),
        Finished(reason="stop"),
    ]

    cut, expected = (StopCutter(["STOP", "END"]).cut(told) for told in (events, one_by_one(events)))

    assert one_by_one(cut) == expected
    assert fold(cut).parts[0].text == fold(expected).parts[0].text


def test_thoughts_that_came_in_them_are_kept() -> None:
    proof = Proof(kind="signature", value="s", origin="prov")
    question = Message(role="user", parts=[Text(words="Hi")])
    cache = ThoughtCache()
    listener = cache.listen("prov", [question])
    events: list[Event] = [
        PartStarted(index=0, kind="reasoning"),
        Deltas(0, ["First", "."]),
        PartEnded(index=0, proof=proof),
        PartStarted(index=1, kind="tool_call", id="c", name="f"),
        Deltas(1, ["{", "}"]),
        PartEnded(index=1),
        Finished(reason="tool_calls"),
    ]
    listener.take_all(events)
    call = ToolCall(id="c", name="f", arguments="{}")

    assert cache.restore("prov", [question, call])[1] == Reasoning(text="First.", proof=proof)
