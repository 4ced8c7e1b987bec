"""The model's name in a JSON object that passes through: the one value that changes, all other bytes stay.

Here: requests and full replies of any API. Not here: streams (messages/model_echo.py), which model it is (routing).
"""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Raw

from wsgi_gateway.protocols.decoding import encode

_KEY = b'"model"'
_NAMED = re.compile(rb'"model"\s*:\s*(?P<value>"[^"\\]*+(?:\\.[^"\\]*+)*+"|null)')
_MOST_PLACES = 16
"""Where else an object may name a model, as in tool calls; with more of them it is written anew."""

_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def with_model(body: bytes, model: str) -> bytes:
    """``body`` with ``model`` for the name of its own model, added where it has none. Of two names the last counts.

    Bytes that JSON allows anywhere (blanks, repeated keys, the form of numbers) stay too, but for objects whose key
    ``model`` is written with escapes, or that name more models than any real one.
    """
    name = encode(model)
    fields = _decode_fields(body)
    if fields.get("model") == Raw(name):
        return body
    for renamed in _renamed(body, name):
        if _decode_fields(renamed).get("model") == Raw(name):
            return renamed
    fields["model"] = Raw(name)
    return encode(fields)


def has_model(body: bytes) -> bool:
    """Whether a JSON object names its model."""
    return "model" in _decode_fields(body)


def _renamed(body: bytes, name: bytes) -> Iterator[bytes]:
    """``body`` with the name in each place that may be the right one, from its end; last with the name added."""
    at = len(body)
    for _ in range(_MOST_PLACES):
        at = body.rfind(_KEY, 0, at)
        if at < 0:
            break
        found = _NAMED.match(body, at)
        if found:
            yield body[: found.start("value")] + name + body[found.end("value") :]
    else:
        return
    start = body.index(b"{") + 1
    if body[start:].lstrip()[:1] != b"}":
        yield body[:start] + _KEY + b":" + name + b"," + body[start:]
