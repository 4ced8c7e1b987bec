"""Streams as the official SDKs' own accumulators understand them, and the same reply as one object, to be compared.

Here: running the accumulators on bytes from memory, and what of two objects must be equal. Not here: the SDKs'
clients (sdk.py).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import openai
from support.sdk import anthropic_told, openai_told
from support.streams import Api, Json

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.events import Event
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.table import PROTOCOLS

_ASKED: Json = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}]}


def accumulated(api: Api, stream: bytes) -> Json:
    """The SDK's final object. Raises what the SDK raises for a stream that failed."""
    final: Json = _ACCUMULATORS[api](stream)
    return final


def _chat_completion(stream: bytes) -> Json:
    client = openai_told(stream, "text/event-stream")
    with client.chat.completions.stream(**_ASKED) as events:
        with contextlib.suppress(
            openai.LengthFinishReasonError, openai.ContentFilterFinishReasonError
        ):
            events.until_done()
        return events.current_completion_snapshot.to_dict()


def _message(stream: bytes) -> Json:
    client = anthropic_told(stream, "text/event-stream")
    with client.messages.stream(max_tokens=9, **_ASKED) as events:
        return events.get_final_message().to_dict()


def _response(stream: bytes) -> Json:
    client = openai_told(stream, "text/event-stream")
    with client.responses.stream(model="asked", input="Hi") as events:
        for event in events:
            if event.type == "response.incomplete":
                return event.response.to_dict()
        return events.get_final_response().to_dict()


_ACCUMULATORS: dict[Api, Callable[[bytes], Any]] = {
    "chat_completions": _chat_completion,
    "messages": _message,
    "responses": _response,
}


def whole(api: Api, events: list[Event]) -> Json:
    """The gateway's own full reply for the same events."""
    asked = Conversation(api=api, model="asked")
    reply: Json = json.loads(encode(PROTOCOLS[api].write_reply(fold(events), asked, Loss(api))))
    return reply


_OWN_ID = re.compile(r"[0-9a-f]{24}$")
_OF_SDKS = ("parsed", "parsed_arguments", "parsed_output", "index")
"""What accumulators add, or keep of the stream's own form."""
_TIMES = ("created", "created_at", "completed_at")


def comparable(value: Any) -> Any:
    """Without times, own ids and what the SDKs add; null, empty and absent are one."""
    match value:
        case dict():
            kept = {
                name: comparable(entry)
                for name, entry in value.items()
                if name not in _OF_SDKS and name not in _TIMES
            }
            return {name: entry for name, entry in kept.items() if entry not in (None, "", [], {})}
        case list():
            return [comparable(entry) for entry in value]
        case str():
            return _OWN_ID.sub("*", value)
    return value
