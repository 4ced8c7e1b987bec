"""A client's request body whose bytes may go on as they came, though the gateway has decided by some of its fields.

Parsers differ in what they make of a name that stands twice in an object: most take the last value, as the gateway
does, some the first (gjson, RapidJSON, simdjson), and Go's own takes `Model` for `model`. So a request could ask the
gateway for one model and the upstream for another. It is refused.

Here: the names that must stand once, and which part of a long request is read later. Not here: reading JSON
(decoding.py), the model's name itself (model_name.py), the history of a long request (long_history.py).

Source: RFC 8259, section 4, on names that are not unique.
"""

from codecs import utf_8_decode
from itertools import product
from typing import Any

import msgspec
from msgspec import Raw

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
_LONG = 16 * 1024
"""Bytes from which on the history may stay JSON until somebody wants to know it."""
_SAMPLES, _SAMPLE = 16, 512
"""How many places of a long body are looked at, and how many bytes at each."""
_AT_A_TIME = 32 * 1024
"""Bytes of which text is made to see whether they are any: few enough to stay in a core's cache."""
_LOOKALIKES = frozenset(map("".join, product(*({char, char.upper()} for char in "model")))) - {
    "model"
}


class _Name(str):
    """No two are the same, so that a dict has each."""

    __slots__ = ()
    __eq__ = object.__eq__
    __hash__ = object.__hash__


_decode_each = msgspec.json.Decoder(dict[_Name, Any], dec_hook=str.__new__).decode
_split = msgspec.json.Decoder(dict[_Name, Raw], dec_hook=str.__new__).decode
_decode = msgspec.json.Decoder().decode


def read_request(body: bytes, history: str) -> Json:
    """``read_body`` for a request to a model. Raises ApiError (invalid_request) as that does, and for two of a name.

    The field ``history`` of a long one may still be JSON (``msgspec.Raw``), of which syntax and encoding are right.
    """
    fields = read_body(body) if len(body) < _SHORT else None
    if fields is None or encode_request(fields) != body:
        fields = _read_each(body, history)
    if not _LOOKALIKES.isdisjoint(fields):
        name = next(name for name in fields if name in _LOOKALIKES)
        raise _refusal(name, "some upstreams would take it for model")
    return fields


def _read_each(body: bytes, history: str) -> Json:
    try:
        each = _read_long(body, history) if _is_costly(body) else _decode_each(body)
    except (ValueError, RecursionError):
        return read_body(body)  # It says what is wrong.
    fields = {str(name): value for name, value in each.items()}
    if len(fields) != len(each):
        names = [*map(str, each)]
        for name in DECIDING:
            if names.count(name) > 1:
                raise _refusal(name, "stands in the request more than once")
    return fields


def _is_costly(body: bytes) -> bool:
    """Whether text would have to be made of much that is beyond ASCII: of what is within it costs next to nothing."""
    if len(body) < _LONG:
        return False
    places = range(0, len(body), len(body) // _SAMPLES)
    return 2 * sum(not body[at : at + _SAMPLE].isascii() for at in places) > len(places)


def _read_long(body: bytes, history: str) -> dict[_Name, Any]:
    """Raises ValueError or RecursionError."""
    _check_encoding(body)
    return {
        name: json if str(name) == history else _decode(json) for name, json in _split(body).items()
    }


def _check_encoding(body: bytes) -> None:
    """Raises UnicodeDecodeError unless it is UTF-8: what stays JSON is not decoded."""
    view, begin = memoryview(body), 0
    while begin < len(view):
        end = begin + _AT_A_TIME
        begin += utf_8_decode(view[begin:end], "strict", end >= len(view))[1]


def _refusal(name: str, why: str) -> ApiError:
    return ApiError("invalid_request", f"{name}: {why}", param=name)
