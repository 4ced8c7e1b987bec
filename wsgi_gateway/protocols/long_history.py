"""The history of a long request, which stays JSON until it is known who needs what of it.

A request that passes needs nothing of its history; a translated one all but the texts (``words``).

Here: a body's fields with such a history, read whole or as a typed request. Not here: reading bytes (``request_body``),
the shapes of the APIs' histories (each API's ``long_history``).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import convert
from wsgi_gateway.protocols.errors import ApiError

T = TypeVar("T")

_decode = msgspec.json.Decoder().decode


def opened(fields: Json, history: str) -> Json:
    """``fields`` of a request with its ``history`` read. Raises ApiError (invalid_request) for what no reader takes."""
    json = fields.get(history)
    if not isinstance(json, Raw):
        return fields
    try:
        return {**fields, history: _decode(json)}
    except RecursionError:
        message = "is nested too deeply"
    except ValueError as error:
        message = str(error)
    raise ApiError("invalid_request", f"{history}: {message}", param=history)


def convert_request(
    fields: Json, shape: type[T], history: str, decode: Callable[[Raw], list[Any]]
) -> T:
    """As ``decoding.convert``. A history that ``decode`` raises for is read whole, to say what is wrong with it."""
    json = fields.get(history)
    if isinstance(json, Raw):
        try:
            fields = {**fields, history: decode(json)}
        except (ValueError, RecursionError):
            fields = opened(fields, history)
    return convert(fields, shape)
