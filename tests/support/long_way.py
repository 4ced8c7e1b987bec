"""The way of long requests through the gateway, for requests of any length.

Here: a body whose history is still JSON, and the time in which even short texts stay JSON. Not here: what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from msgspec import Raw
from support.streams import Api, Json

from wsgi_gateway.protocols import words
from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS

Read = Callable[[Api, Json, Loss], Conversation]

_EMPTY = 2
"""Bytes of the JSON of an empty string."""


@contextmanager
def texts_stay_json() -> Iterator[None]:
    """All of them that may, however short."""
    with mock.patch.object(words, "_SHORT", _EMPTY):
        yield


def unread(api: Api, body: Json) -> Json:
    """The body as ``read_request`` gives one that is long."""
    history = PROTOCOLS[api].history
    return {**body, history: Raw(encode(body[history]))} if history in body else body


def read_request(api: Api, body: Json, loss: Loss) -> Conversation:
    """``body``, read at once. Raises ApiError."""
    return PROTOCOLS[api].read_request(body, loss)


def read_the_long_way(api: Api, body: Json, loss: Loss) -> Conversation:
    """``body``, read with all its texts staying JSON. Raises ApiError."""
    with texts_stay_json():
        return PROTOCOLS[api].read_request(unread(api, body), loss)
