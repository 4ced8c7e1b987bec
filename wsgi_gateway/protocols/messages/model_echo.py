"""The model's name in a native reply, where the client asked for it by an alias.

Claude Code sends thinking back only if the reply came from the model that it asked for, and the API refuses a tool
loop whose thinking is missing. So this one name is told in the client's terms even where nothing else is touched.
"""

import re
from collections.abc import Callable

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.model_name import has_model, with_model

_MODEL = re.compile(rb'("model":\s*)"(?:[^"\\]|\\.)*"')


def renaming(model: str) -> Callable[[bytes], bytes]:
    """Takes a stream's pieces, and puts the name that the client knows into the one with ``message_start``.

    Before it may be pings and comments.
    """
    name = encode(model)
    has_started = False

    def change(piece: bytes) -> bytes:
        nonlocal has_started
        if has_started or b"message_start" not in piece:
            return piece
        has_started = True
        return _MODEL.sub(lambda found: found.group(1) + name, piece, count=1)

    return change


def rename_reply(body: bytes, model: str) -> bytes:
    """A full reply's JSON object with the name that the client knows; all else stays byte for byte."""
    return with_model(body, model) if has_model(body) else body
