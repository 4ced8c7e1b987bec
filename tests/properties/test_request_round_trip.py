"""What a dialect can say of a request comes back as it was: written for an upstream, then read as a client's."""

from __future__ import annotations

import json

import msgspec
from hypothesis import given
from support.dice import Dice, dice
from support.events import translation
from support.generated_requests import CAPABILITIES, draw_conversation
from support.pairs import CLIENTS
from support.properties import thorough
from support.streams import Api, Json

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS


def told(conversation: Conversation) -> Json:
    """All of it, but for the body that it was read from."""
    fields: Json = msgspec.to_builtins(conversation)
    del fields["body"]
    return fields


@CLIENTS
@given(dice=dice(250))
@thorough
def test_what_is_written_is_read_again(client_api: Api, dice: Dice) -> None:
    conversation = draw_conversation(dice, client_api)
    asked = translation(client_api, **CAPABILITIES[client_api])
    loss = Loss(client_api)

    body = json.loads(encode(PROTOCOLS[client_api].write_request(conversation, asked)))
    read = PROTOCOLS[client_api].read_request(body, loss)

    assert told(read) == told(conversation)
    assert asked.loss.entries == []
    assert loss.entries == []
