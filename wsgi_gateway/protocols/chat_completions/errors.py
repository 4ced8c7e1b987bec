"""Errors of Chat Completions: OpenAI's common form, and how to know others among a stream's chunks."""

from typing import Any

import msgspec

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.decoding import decode_event
from wsgi_gateway.protocols.error_bodies import is_bare_error
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.openai_errors import error_body, read_error

__all__ = ["error_body", "is_foreign_error", "read_error"]

_decoder = msgspec.json.Decoder(dict[str, Any])


def is_foreign_error(event: sse.ServerSentEvent, read: wire.Completion) -> bool:
    """Whether ``event``, which was read as a chunk, is an error of another form."""
    if read.error:
        return False
    if event.event == "error":
        return True
    if read.choices or read.usage is not None:
        return False
    try:
        return is_bare_error(decode_event(_decoder, event.data))
    except ApiError:
        return False
