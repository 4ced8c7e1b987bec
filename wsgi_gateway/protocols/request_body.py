"""A client's request body whose bytes may go on as they came, though the gateway has decided by some of its fields.

Parsers differ in what they make of a name that stands twice in an object: most take the last value, as the gateway
does, some the first (gjson, RapidJSON, simdjson), and Go's own takes `Model` for `model`. So a request could ask the
gateway for one model and the upstream for another. It is refused.

Here: the names that must stand once. Not here: reading JSON (decoding.py), the model's name itself (model_name.py).

Source: RFC 8259, section 4, on names that are not unique.
"""

from itertools import product
from typing import Any

import msgspec

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode_request, read_body
from wsgi_gateway.protocols.errors import ApiError

DECIDING = (
    "model",
    "stream",
    "input",
    "store",
    "background",
    "conversation",
    "previous_response_id",
)
"""What says who is asked, what the client may see, and how the reply is read."""

_SHORT = 2048
"""Bytes. In so few it is cheaper to write what was read, and to compare it, than to hear of each name."""
_LOOKALIKES = frozenset(map("".join, product(*({char, char.upper()} for char in "model")))) - {
    "model"
}


class _Name(str):
    """No two are the same, so that a dict has each."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


_decode_each = msgspec.json.Decoder(dict[_Name, Any], dec_hook=str.__new__).decode


def read_request(body: bytes) -> Json:
    """``read_body`` for a request to a model. Raises ApiError (invalid_request) as that does, and for two of a name."""
    fields = read_body(body) if len(body) < _SHORT else None
    if fields is None or encode_request(fields) != body:
        fields = _read_each(body)
    if not _LOOKALIKES.isdisjoint(fields):
        name = next(name for name in fields if name in _LOOKALIKES)
        raise _refusal(name, "some upstreams would take it for model")
    return fields


def _read_each(body: bytes) -> Json:
    try:
        each = _decode_each(body)
    except (ValueError, RecursionError):
        return read_body(body)  # It says what is wrong.
    fields = {str(name): value for name, value in each.items()}
    if len(fields) != len(each):
        names = [*map(str, each)]
        for name in DECIDING:
            if names.count(name) > 1:
                raise _refusal(name, "stands in the request more than once")
    return fields


def _refusal(name: str, why: str) -> ApiError:
    return ApiError("invalid_request", f"{name}: {why}", param=name)
