"""Full replies of upstreams that ignored ``stream``, told as streams of the same API.

Here: that a client who adds up the stream has the reply, whatever it holds, and that the stream is legal. Not here: a
running gateway (tests/integration/test_passthrough.py).
"""

from __future__ import annotations

import pytest
from support.loss_cases import BASE, cases
from support.pairs import APIS
from support.places import changed, without_nulls
from support.reply_streams import full_reply
from support.streams import PLAIN, Answer, Api, Json, ToolCall
from support.translated import data_of
from support.validators import check

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.table import PROTOCOLS

USAGE_ASKED: Json = {"stream_options": {"include_usage": True}}
ANSWER = Answer("Let me see.", "Hm.", "UFJPT0Y=", (ToolCall("c1", "f", '{"a":1}'),))


def _replies() -> list[object]:
    """Those of the loss matrix: one for every field, item and value that a reply may have."""
    return [
        pytest.param(api, changed(BASE["replies"][api], case.given["reply"], api), id=case.name)
        for api in APIS
        for case in cases("replies", api)
        if "reply" in case.given
    ]


@pytest.mark.parametrize(("api", "reply"), _replies())
def test_who_adds_up_the_stream_has_the_reply(api: Api, reply: Json) -> None:
    stream = PROTOCOLS[api].stream_full(reply, USAGE_ASKED)
    added_up, given = (without_nulls(full_reply(api, data)) for data in (stream, encode(reply)))
    assert _plainly(added_up) == _plainly(given)


def _plainly(reply: Json) -> Json:
    """Without what a reply may leave out: numbers of calls, and lists of nothing."""
    for choice in reply.get("choices", ()):
        for call in choice["message"].get("tool_calls") or ():
            call.pop("index", None)
    return reply


@pytest.mark.parametrize("api", APIS)
def test_the_stream_is_legal(api: Api) -> None:
    stream = PROTOCOLS[api].stream_full(PLAIN[api](ANSWER), USAGE_ASKED)
    assert check(api, stream, usage_asked=True) == "finished"


def test_usage_is_told_to_a_chat_client_that_asked_for_it_only() -> None:
    reply = PLAIN["chat_completions"](ANSWER)
    stream = PROTOCOLS["chat_completions"].stream_full(reply, {})
    assert check("chat_completions", stream, usage_asked=False) == "finished"


BENT: dict[Api, Json] = {
    "chat_completions": {"choices": [{"message": {"tool_calls": [], "annotations": "x"}}]},
    "messages": {"content": [{"type": "text", "text": "Hi", "citations": 5}, {"type": "tool_use"}]},
    "responses": {
        "output": [
            {"type": "message", "content": [{"type": "output_text", "annotations": 5}]},
            {"type": "function_call", "arguments": {"a": 1}},
            {"type": "reasoning", "summary": None},
        ]
    },
}


@pytest.mark.parametrize("api", APIS)
def test_what_a_host_bends_does_no_harm(api: Api) -> None:
    (*_, last) = data_of(PROTOCOLS[api].stream_full(BENT[api], USAGE_ASKED))
    assert last.get("type") in (None, "message_stop", "response.completed")
