"""OpenAI Chat Completions: ``POST /chat/completions``."""

from wsgi_gateway.protocols.chat_completions.errors import error_body, read_error
from wsgi_gateway.protocols.chat_completions.full_stream import stream_full
from wsgi_gateway.protocols.chat_completions.reply_reader import StreamReader, read_reply
from wsgi_gateway.protocols.chat_completions.reply_writer import StreamWriter, write_reply
from wsgi_gateway.protocols.chat_completions.request_reader import read_request
from wsgi_gateway.protocols.chat_completions.request_writer import write_request
from wsgi_gateway.protocols.chat_completions.tap import StreamTap

__all__ = [
    "StreamReader",
    "StreamTap",
    "StreamWriter",
    "error_body",
    "read_error",
    "read_reply",
    "read_request",
    "stream_full",
    "write_reply",
    "write_request",
]
