"""When a history is compacted, and what is told of it; the model is a function here."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.exchange.compaction import Model, compaction_due, put_in_place, summarize
from wsgi_gateway.protocols.conversation import Conversation, Json, Message, Text
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import FinishReason, PartKind, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, ReplyPart
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.compaction import LEAD_IN, unseal_compaction

HISTORY: list[Json] = [
    {"role": "user", "content": "Count."},
    {"role": "assistant", "content": "one two three " * 50},
    {"role": "user", "content": "Go on."},
]


class Gateway:
    """One request's: what the model was asked, and what was lost."""

    def __init__(self, *parts: tuple[PartKind, str], reason: FinishReason = "stop") -> None:
        self.loss = Loss("responses")
        self.asked: list[Conversation] = []
        told = [ReplyPart(kind=kind, text=text) for kind, text in parts]
        self._reply = Reply(parts=told, usage=Usage(input=200, output=9), reason=reason)
        self.model = Model(name="m", most_tokens=9, read=self.read, ask=self._ask)

    def read(self, body: Json) -> Conversation:
        return read_request(body, self.loss)

    def _ask(self, conversation: Conversation) -> Reply:
        self.asked.append(conversation)
        return self._reply

    def compacted(self, threshold: int | None, given: Any = HISTORY) -> Conversation:
        management = [{"type": "compaction", "compact_threshold": threshold}]
        body = {"model": "m", "input": given}
        if threshold is not None:
            body["context_management"] = management
        conversation = self.read(body)
        token = compaction_due(conversation, self.model, self.loss)
        if token is not None:
            put_in_place(token, conversation, self.model)
        return conversation


def words(conversation: Conversation) -> list[str]:
    return [
        part.text
        for item in conversation.items
        if isinstance(item, Message)
        for part in item.parts
        if isinstance(part, Text)
    ]


def test_beyond_the_threshold_the_summary_takes_the_history_s_place() -> None:
    gateway = Gateway(("reasoning", "Hm."), ("text", " They "), ("text", "count.\n"))

    compacted = gateway.compacted(100)

    (asked,) = gateway.asked
    assert words(asked)[:2] == ["Count.", HISTORY[1]["content"]]
    assert words(compacted) == ["Count.", f"{LEAD_IN}They count.", "Go on."]
    compaction = unseal_compaction(compacted.compaction, "")
    assert compaction is not None
    assert (compaction.before, compaction.after) == (HISTORY[:1], HISTORY[2:])
    (entry,) = gateway.loss.entries
    assert (entry.path, entry.verdict) == ("reply.usage", "dropped")
    assert "200 input and 9 output" in entry.note


@pytest.mark.parametrize("threshold", [None, 1000])
def test_else_it_stays(threshold: int | None) -> None:
    gateway = Gateway()
    compacted = gateway.compacted(threshold)
    assert words(compacted) == [item["content"] for item in HISTORY]
    assert compacted.compaction is None
    assert not gateway.asked
    assert not gateway.loss.entries


def test_one_message_is_nothing_to_compact() -> None:
    for given in ("word " * 500, [{"role": "user", "content": "word " * 500}]):
        gateway = Gateway()
        compacted = gateway.compacted(100, given)
        assert compacted.compaction is None
        assert not gateway.asked
        assert [entry.path for entry in gateway.loss.entries] == ["context_management"]


def test_it_happens_once_however_long_the_outcome_is() -> None:
    gateway = Gateway(("text", "They count. " * 500))
    assert gateway.compacted(100).compaction is not None
    assert len(gateway.asked) == 1


@pytest.mark.parametrize("parts", [[], [("text", " \n")], [("refusal", "No.")]])
def test_a_model_that_gives_none_is_an_error(parts: list[tuple[PartKind, str]]) -> None:
    gateway = Gateway(*parts)
    with pytest.raises(ApiError) as failed:
        gateway.compacted(100)
    assert failed.value.kind == "upstream_invalid"


def test_a_summary_that_was_cut_is_told() -> None:
    gateway = Gateway(("text", "They"), reason="length")
    conversation = gateway.read({"model": "m", "input": "x"})
    assert summarize(conversation, gateway.model, gateway.loss).text == "They"
    (entry,) = gateway.loss.entries
    assert entry.verdict == "approximated"
    assert "cut" in entry.note
