"""What a Chat Completions client gets, read back by the official SDK's accumulator."""

import json
from typing import Any

import openai
import pytest
from support.sdk import openai_told
from support.validators import check_chat_completions

from wsgi_gateway.protocols.chat_completions import StreamWriter, write_reply
from wsgi_gateway.protocols.conversation import Conversation, Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Delta,
    Event,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.seal import unseal

LOSS = Loss("chat_completions")

PROOF = Proof(kind="signature", value="U0lH", origin="prov")
EVENTS: list[Event] = [
    Started(id="msg_1", model="upstream-model"),
    PartStarted(index=0, kind="reasoning"),
    Delta(0, "Need "),
    Delta(0, "weather."),
    PartEnded(index=0, proof=PROOF),
    PartStarted(index=1, kind="text"),
    Delta(1, "Let me "),
    Delta(1, "check 😀."),
    PartEnded(index=1),
    PartStarted(index=2, kind="tool_call", id="call_a", name="f"),
    PartStarted(index=3, kind="tool_call", id="call_b", name="g"),
    Delta(2, '{"x":'),
    Delta(3, "{}"),
    Delta(2, "1}"),
    PartEnded(index=2),
    PartEnded(index=3),
    UsageReported(Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=8)),
    Finished(reason="tool_calls"),
]


def conversation(**more: Any) -> Conversation:
    return Conversation(api="chat_completions", model="asked", **more)


def chunks(data: bytes) -> list[dict[str, Any]]:
    frames = data.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    assert check_chat_completions(data, usage_asked=b'"usage":{' in data) != "cut"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


def accumulated(data: bytes) -> Any:
    client = openai_told(data, "text/event-stream")
    with client.chat.completions.stream(model="asked", messages=[]) as stream:
        return stream.get_final_completion()


def test_the_sdk_accumulates_what_the_full_reply_says() -> None:
    data = StreamWriter(conversation(include_usage=True), LOSS).write(EVENTS)
    streamed = accumulated(data).to_dict()
    full = write_reply(fold(EVENTS), conversation(), LOSS)
    client = openai_told(json.dumps(full).encode(), "application/json")
    plain = client.chat.completions.create(model="asked", messages=[]).to_dict()
    message, expected = streamed["choices"][0]["message"], plain["choices"][0]["message"]
    for call in message["tool_calls"]:
        call.pop("index")
        call["function"].pop("parsed_arguments", None)
    for name in ("content", "tool_calls", "reasoning_content", "role"):
        assert message[name] == expected[name], name
    assert streamed["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]
    assert streamed["usage"] == plain["usage"]
    assert streamed["model"] == plain["model"] == "asked"
    assert streamed["id"] == plain["id"] == "chatcmpl-1"


def test_a_proof_comes_back_in_reasoning_details() -> None:
    message = accumulated(StreamWriter(conversation(), LOSS).write(EVENTS)).choices[0].message
    (detail,) = message.reasoning_details
    assert unseal(detail["signature"]) == PROOF
    assert detail["text"] == "Need weather."


def test_usage_is_the_last_chunk_and_only_where_it_was_asked_for() -> None:
    asked = chunks(StreamWriter(conversation(include_usage=True), LOSS).write(EVENTS))
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["prompt_tokens"] == 30
    assert all(chunk["usage"] is None for chunk in asked[:-1])
    silent = chunks(StreamWriter(conversation(include_usage=False), LOSS).write(EVENTS))
    assert all("usage" not in chunk and chunk["choices"] for chunk in silent)


def test_role_once_and_continuations_without_id() -> None:
    written = chunks(StreamWriter(conversation(include_usage=False), LOSS).write(EVENTS))
    deltas = [chunk["choices"][0]["delta"] for chunk in written]
    assert ["role" in delta for delta in deltas].count(True) == 1
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    fragments = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [call["index"] for call in fragments] == [0, 1, 0, 1, 0]
    assert all(set(call) == {"index", "function"} for call in fragments[2:])


def test_a_failure_is_an_error_frame_and_nothing_else_follows() -> None:
    writer = StreamWriter(conversation(), LOSS)
    data = writer.write([*EVENTS[:7], Failed(ApiError("overloaded", "too busy"))])
    assert b"[DONE]" not in data
    assert b'"finish_reason":"' not in data
    with pytest.raises(openai.APIError, match="too busy"):
        accumulated(data)


def test_reply_without_text_has_null_content_only_beside_calls() -> None:
    only_call = [
        EVENTS[0],
        PartStarted(index=0, kind="tool_call", id="c", name="f"),
        Delta(0, "{}"),
        PartEnded(index=0),
        Finished(reason="tool_calls"),
    ]
    message = write_reply(fold(only_call), conversation(), LOSS)["choices"][0]["message"]
    assert message["content"] is None
    nothing: list[Event] = [EVENTS[0], Finished(reason="stop")]
    assert (
        write_reply(fold(nothing), conversation(), LOSS)["choices"][0]["message"]["content"] == ""
    )


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("stop_sequence", "stop"),
        ("length", "length"),
        ("context_window", "length"),
        ("content_filter", "content_filter"),
        ("pause", "stop"),
    ],
)
def test_finish_reasons(reason: Any, expected: str) -> None:
    events: list[Event] = [EVENTS[0], Finished(reason=reason)]
    assert (
        chunks(StreamWriter(conversation(include_usage=False), LOSS).write(events))[-1]["choices"][
            0
        ]["finish_reason"]
        == expected
    )
    assert (
        write_reply(fold(events), conversation(), LOSS)["choices"][0]["finish_reason"] == expected
    )
