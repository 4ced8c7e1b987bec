"""The official SDKs' accumulators accept every stream that the gateway writes, and make of it its own full reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from support.accumulated import accumulated, comparable, whole
from support.dialects import FAILURES
from support.dice import Dice, dice
from support.generated_replies import Range, draw_plan, events_of
from support.pairs import CLIENTS
from support.properties import thorough
from support.streams import Api
from support.translated import written

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Failed

# Chat has no streamed form of custom calls, one text only, and its accumulator passes over the service tier; SDKs
# guess at the arguments of a call that a limit cut.
DRAWN: dict[Api, Range] = {
    "chat_completions": Range(custom=False, overlap="calls", failures=False, service_tier=False),
    "messages": Range(cut_calls=False, failures=False),
    "responses": Range(failures=False),
}


@CLIENTS
@given(dice=dice())
@thorough
def test_what_the_sdk_accumulates_is_the_full_reply(client_api: Api, dice: Dice) -> None:
    events = events_of(draw_plan(dice, DRAWN[client_api]))

    final = accumulated(client_api, written(client_api, events))

    assert comparable(final) == comparable(whole(client_api, events))


@CLIENTS
@given(dice=dice())
@thorough
def test_the_sdk_raises_where_a_reply_broke_off(client_api: Api, dice: Dice) -> None:
    plan = draw_plan(dice, DRAWN[client_api])
    *events, _ = events_of(plan)
    stream = written(client_api, [*events, Failed(ApiError("server", "sorry"))])

    with pytest.raises(FAILURES):
        accumulated(client_api, stream)
