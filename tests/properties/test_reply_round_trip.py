"""What a dialect can say of a reply comes back as it was: written for a client, then read as an upstream's."""

from __future__ import annotations

import dataclasses

import msgspec
from hypothesis import given
from support.accumulated import whole
from support.asks import canonical
from support.dice import Dice, dice
from support.events import translation
from support.generated_replies import Range, draw_plan, events_of
from support.pairs import CLIENTS
from support.properties import thorough
from support.streams import Api, Json
from support.translated import heard, written

from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.table import PROTOCOLS

_CHAT = Range(
    kinds=("reasoning", "text", "refusal", "tool_call"),
    reasons=("stop", "length", "content_filter"),
    proofs=("none",),
    overlap="calls",
    repeat_kinds=False,
    custom=False,
    namespaces=False,
    phases=False,
    new_messages=False,
    annotations=False,
    explanations=False,
    failures=False,
    empty_parts=False,
    usage_always=True,
)
EXPRESSIBLE: dict[Api, Range] = {
    "chat_completions": _CHAT,
    "messages": Range(
        kinds=("text", "tool_call", "reasoning"),
        proofs=("signature", "redacted"),
        custom=False,
        namespaces=False,
        phases=False,
        new_messages=False,
        annotations=False,
        logprobs=False,
        failures=False,
        empty_parts=False,
        cut_calls=False,
        usage_always=True,
        service_tier=False,
    ),
    "responses": Range(
        kinds=("text", "tool_call", "reasoning", "refusal", "web_search"),
        reasons=("stop", "length", "content_filter"),
        proofs=("none",),
        namespaces=False,
        settled_messages=True,
        sources=False,
        explanations=False,
        failures=False,
        empty_parts=False,
        usage_always=True,
    ),
}


def said(api: Api, events: list[Event]) -> Json:
    """The reply without the ids and names under which each side knows it, as far as the API has words for it.

    Only Responses says of each part whether it is complete; citations have another form in every API.
    """
    told: Json = msgspec.to_builtins(fold(events))
    for part in told["parts"]:
        if api == "responses":
            del part["proof"]  # sealed, and so another's
        else:
            del part["complete"]
        if part["kind"] == "web_search":
            del part["id"]
    return {**told, "id": "", "model": ""}


@CLIENTS
@given(dice=dice())
@thorough
def test_what_is_written_as_a_stream_is_read_again(client_api: Api, dice: Dice) -> None:
    events = events_of(draw_plan(dice, EXPRESSIBLE[client_api]))

    assert said(client_api, heard(client_api, written(client_api, events))) == said(
        client_api, events
    )


# A Chat message has one place for each kind of part, and no order; what its text cites is told there only.
EXPRESSIBLE_WHOLE: dict[Api, Range] = {
    **EXPRESSIBLE,
    "chat_completions": dataclasses.replace(
        _CHAT,
        kinds=("reasoning", "text", "tool_call"),
        one_of_each=True,
        annotations=True,
        documents=False,
    ),
}


@CLIENTS
@given(dice=dice())
@thorough
def test_what_is_written_whole_is_read_again(client_api: Api, dice: Dice) -> None:
    events = events_of(draw_plan(dice, EXPRESSIBLE_WHOLE[client_api]))

    body = whole(client_api, events)
    read = PROTOCOLS[client_api].read_reply(body, translation())

    assert with_values(said(client_api, read)) == with_values(said(client_api, events))


def with_values(reply: Json) -> Json:
    """Arguments by their values: in a full message they are an object, not text."""
    for part in reply["parts"]:
        if part["kind"] == "tool_call" and parse_arguments(part["text"]) is not None:
            part["text"] = canonical(part["text"] or "{}")
    return reply
