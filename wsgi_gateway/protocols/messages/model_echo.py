"""The model's name in a native reply, where the client asked for it by an alias.

Claude Code sends thinking back only if the reply came from the model that it asked for, and the API refuses a tool
loop whose thinking is missing. So this one name is told in the client's terms even where nothing else is touched.
"""

import re

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.model_name import has_model, with_model

_MODEL = re.compile(rb'("model":\s*)"(?:[^"\\]|\\.)*"')


def rename_stream(start: bytes, model: str) -> bytes:
    """The beginning of a stream, ``message_start`` and perhaps more, with the name that the client knows."""
    name = encode(model)
    return _MODEL.sub(lambda found: found.group(1) + name, start, count=1)


def rename_reply(body: bytes, model: str) -> bytes:
    """A full reply's JSON object with the name that the client knows; all else stays byte for byte."""
    return with_model(body, model) if has_model(body) else body
