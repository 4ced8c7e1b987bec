"""What a Chat host wants back (OpenRouter's details, Gemini's signatures) returns through every client unchanged."""

from typing import Any

from support.chat import chat_reply, chat_stream
from support.events import translation
from support.loops import HISTORY, SAY_AGAIN, create
from support.pairs import CLIENTS, PLAIN_AND_STREAM
from support.streams import Api, Json
from support.translated import Told, full, streamed
from support.validators import check

from wsgi_gateway.protocols.table import PROTOCOLS

DETAILS = [
    {"type": "reasoning.text", "index": 0, "text": "Need weather.", "signature": "SIG"},
    {"type": "reasoning.encrypted", "index": 1, "data": "DATA"},
]
SIGNATURE = {"google": {"thought_signature": "T"}}
MESSAGE_SIGNATURE = {"google": {"thought_signature": "U"}}
RESULTS = {"a": "sunny", "b": "rainy"}


def call(number: int, call_id: str, **more: Any) -> Json:
    function = {"name": "f", "arguments": '{"x":1}'}
    return {"index": number, "id": call_id, "type": "function", "function": function, **more}


MESSAGE: Json = {
    "role": "assistant",
    "content": "Let me look.",
    "reasoning": "Need weather.",
    "reasoning_details": DETAILS,
    "tool_calls": [call(0, "a", extra_content=SIGNATURE), call(1, "b")],
    "extra_content": MESSAGE_SIGNATURE,
}


def reply_of(client_api: Api, stream: bool) -> Json:
    """The reply, as the client keeps it."""
    if not stream:
        return full(client_api, "chat_completions", chat_reply(MESSAGE, "tool_calls"))
    out = streamed(client_api, "chat_completions", chat_stream(MESSAGE, finish="tool_calls"))
    assert check(client_api, out, usage_asked=True) == "finished"
    limit = {"max_tokens": 9} if client_api == "messages" else {}
    said: Json = create(
        Told(out), client_api, True, model="asked", **{HISTORY[client_api]: []}, **limit
    )
    return said


@CLIENTS
@PLAIN_AND_STREAM
def test_proofs_return_to_their_host(client_api: Api, stream: bool) -> None:
    history = SAY_AGAIN[client_api](reply_of(client_api, stream), RESULTS)
    body = {"model": "m", HISTORY[client_api]: [{"role": "user", "content": "Hi"}, *history]}
    if client_api == "messages":
        body["max_tokens"] = 9
    task = translation(client_api)
    conversation = PROTOCOLS[client_api].read_request(body, task.loss)
    asked = PROTOCOLS["chat_completions"].write_request(conversation, task)
    _, turn, first, second = asked["messages"]
    assert turn["reasoning_details"] == DETAILS
    assert turn["extra_content"] == MESSAGE_SIGNATURE
    assert turn["content"] == "Let me look."
    assert [one.get("extra_content") for one in turn["tool_calls"]] == [SIGNATURE, None]
    assert [one["function"]["arguments"] for one in turn["tool_calls"]] == ['{"x":1}', '{"x":1}']
    assert (first["content"], second["content"]) == ("sunny", "rainy")
    assert task.loss.entries == []
