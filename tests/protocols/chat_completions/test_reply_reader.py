"""Chat Completions replies of every host's habits (edge cases 19 to 36 of the protocol digest)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import read, told, translation

from wsgi_gateway.protocols.chat_completions import StreamReader, read_reply
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Delta, Failed, Finished, Started, Usage
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.translation import Translation

GOLDEN = Path(__file__).parents[2] / "golden"
A = {"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}


def piece(index: int | None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    call: dict[str, Any] = {"function": {"arguments": arguments}, **more}
    return call if index is None else {"index": index, **call}


def opening(
    index: int | None, call_id: str | None, name: str, arguments: Any = ""
) -> dict[str, Any]:
    return piece(index, arguments, id=call_id) | {
        "function": {"name": name, "arguments": arguments}
    }


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": list(pieces)}


def stream(*deltas: dict[str, Any], finish: str | None = "stop", done: bool = True) -> bytes:
    def frame(choice: dict[str, Any]) -> str:
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"}
        return f"data: {json.dumps({**chunk, 'choices': [{'index': 0, **choice}]})}\n\n"

    frames = [frame({"delta": delta}) for delta in deltas]
    if finish is not None:
        frames.append(frame({"delta": {}, "finish_reason": finish}))
    return ("".join(frames) + ("data: [DONE]\n\n" if done else "")).encode()


@pytest.mark.parametrize("size", [1, 7, None])
def test_golden(size: int | None) -> None:
    reply = fold(read(StreamReader(translation()), (GOLDEN / "chat.sse").read_bytes(), size))
    assert told(reply) == [
        ("text", "Let me check — 日本 😀."),
        ("tool_call", "call_a1", "get_weather", '{"city":"Oslo"}'),
        ("tool_call", "call_b2", "now", "{}"),
    ]
    assert reply.reason == "tool_calls"
    assert reply.usage == Usage(
        input=30, output=20, cache_read=10, cache_write=5, reasoning=8, service_tier="default"
    )


CALL = [("tool_call", "call_a", "f", '{"x":1}')]


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        pytest.param([calls(A)], [("tool_call", "call_a", "f", "{}")], id="19 empty arguments"),
        pytest.param([calls(opening(0, "call_a", "f", {"x": 1}))], CALL, id="20 object arguments"),
        pytest.param(
            [
                calls(opening(0, "call_a", "f")),
                calls(opening(1, "call_b", "g")),
                calls(piece(0, '{"x":')),
                calls(piece(1, '{"y":')),
                calls(piece(0, "1}"), piece(1, "2}")),
            ],
            [*CALL, ("tool_call", "call_b", "g", '{"y":2}')],
            id="21 interleaved",
        ),
        pytest.param(
            [calls(opening(0, "call_a", "f", '{"x":1}'), opening(1, "call_b", "g", "{}"))],
            [*CALL, ("tool_call", "call_b", "g", "{}")],
            id="22 whole calls in one chunk",
        ),
        pytest.param(
            [calls(opening(0, "call_a", "f", '{"x"')), calls(piece(0, ":1}", id="call_a"))],
            CALL,
            id="23 id repeated",
        ),
        pytest.param(
            [calls(opening(None, "call_a", "f", '{"x"')), calls(piece(None, ":1}"))],
            CALL,
            id="24 index missing",
        ),
        pytest.param(
            [calls(opening(3, "call_a", "f", '{"x":1}'))], CALL, id="24 index starts later"
        ),
        pytest.param(
            [
                calls(piece(0, '{"x"', id="call_a")),
                calls({"index": 0, "function": {"name": "f", "arguments": ":1}"}}),
            ],
            CALL,
            id="25 name comes later",
        ),
        pytest.param(
            [
                calls(opening(0, "call_a", "f", '{"x"')),
                calls({"index": 0, "function": {"name": "f", "arguments": ":1}"}}),
            ],
            CALL,
            id="25 name repeated",
        ),
        pytest.param(
            [
                calls(opening(0, "call_a", "f", '{"x":1}')),
                calls({"index": 0, "id": None, "type": None, "function": {"name": None}}),
            ],
            CALL,
            id="26 nulls",
        ),
        pytest.param([{"content": None, "refusal": "No."}], [("refusal", "No.")], id="32 refusal"),
        pytest.param(
            [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
            [("text", "ab")],
            id="33 role repeated",
        ),
        pytest.param(
            [{"reasoning_content": "hm"}, {"content": "a"}],
            [("reasoning", "hm"), ("text", "a")],
            id="35 reasoning_content",
        ),
        pytest.param(
            [{"reasoning": "hm", "reasoning_details": [{"text": "hm"}]}, {"content": "a"}],
            [("reasoning", "hm"), ("text", "a")],
            id="35 reasoning",
        ),
        pytest.param(
            [{"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]}, {"content": "a"}],
            [("reasoning", "hm"), ("text", "a")],
            id="35 reasoning_details",
        ),
        pytest.param(
            [{"content": [{"type": "text", "text": "a"}]}], [("text", "a")], id="array content"
        ),
        pytest.param(
            [{"content": "a"}, calls(opening(0, "call_a", "f", '{"x":1}')), {"content": "b"}],
            [("text", "a"), *CALL, ("text", "b")],
            id="text behind a call",
        ),
        pytest.param(
            [{"function_call": {"name": "f", "arguments": '{"x":1}'}}],
            [("tool_call", "*", "f", '{"x":1}')],
            id="legacy function_call",
        ),
        pytest.param(
            [{"content": "a", "function_call": {"name": "", "arguments": ""}}],
            [("text", "a")],
            id="legacy function_call that is none",
        ),
        pytest.param(
            [calls(opening(0, 7, "f", '{"x":')), calls(piece(0, "1}", id=7))],  # type: ignore[arg-type]
            [("tool_call", "7", "f", '{"x":1}')],
            id="id is a number",
        ),
        pytest.param(
            [calls(opening(None, 7, "f", '{"x":')), calls(piece(None, "1}", id=7))],  # type: ignore[arg-type]
            [("tool_call", "7", "f", '{"x":1}')],
            id="id is a number and all there is",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, None])
def test_habits(
    deltas: list[dict[str, Any]], expected: list[tuple[str, ...]], size: int | None
) -> None:
    found = told(read(StreamReader(translation()), stream(*deltas), size))
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        assert [g for g, w in zip(got, want, strict=True) if w != "*"] == [
            w for w in want if w != "*"
        ]


def test_a_finish_of_stop_with_calls_is_tool_calls() -> None:
    events = read(StreamReader(translation()), stream(calls(opening(0, "call_a", "f", "{}"))))
    assert events[-1] == Finished(reason="tool_calls")


def test_a_call_that_is_whole_ends_when_the_next_begins() -> None:
    reader = StreamReader(translation())
    reader.feed(stream(calls(opening(0, "call_a", "f", '{"x":1}')), finish=None, done=False))
    events = reader.feed(stream(calls(opening(1, "call_b", "g")), finish=None, done=False))
    assert [type(event).__name__ for event in events] == ["PartEnded", "PartStarted"]


def test_content_and_finish_in_one_chunk() -> None:
    chunk = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"length"}]}\n\n'
    events = read(StreamReader(translation()), chunk + b"data: [DONE]")
    assert Delta(0, "x") in events
    assert events[-1] == Finished(reason="length")


def test_usage_in_every_chunk_is_reported_once_and_last_wins() -> None:
    body = b"".join(
        b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x"}}],'
        b'"usage":{"prompt_tokens":5,"completion_tokens":%d}}\n\n' % count
        for count in (1, 2, 3)
    )
    reply = fold(read(StreamReader(translation()), body + stream()))
    assert reply.usage == Usage(input=5, output=3)


def test_a_filter_chunk_before_the_first_choice_is_skipped() -> None:
    body = b'data: {"id":"","object":"","model":"","choices":[],"prompt_filter_results":[]}\n\n'
    events = read(StreamReader(translation()), body + stream({"content": "x"}))
    assert events[0] == Started(id="chatcmpl-1", model="m")


def test_half_a_surrogate_pair_is_replaced() -> None:
    body = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"x\\ud83d"}}]}\n\n'
    events = read(StreamReader(translation()), body + stream())
    assert Delta(0, "x\ufffd") in events


def test_done_without_a_finish_reason_is_a_finish() -> None:
    events = read(StreamReader(translation()), stream({"content": "x"}, finish=None))
    assert events[-1] == Finished(reason="stop")


def test_the_end_of_the_body_after_a_finish_reason_is_a_finish() -> None:
    events = read(StreamReader(translation()), stream({"content": "x"}, done=False))
    assert events[-1] == Finished(reason="stop")


def test_every_truncation_before_the_finish_is_a_failure() -> None:
    whole = (GOLDEN / "chat.sse").read_bytes()
    end = whole.index(b'"finish_reason":"tool_calls"')
    for cut in range(0, end, 97):
        events = read(StreamReader(translation()), whole[:cut])
        assert isinstance(events[-1], Failed)
        assert not any(isinstance(event, Finished) for event in events)


def test_an_error_frame_is_a_failure() -> None:
    events = read(StreamReader(translation()), (GOLDEN / "chat_error_midstream.sse").read_bytes())
    assert isinstance(events[-1], Failed)
    assert "overloaded" in events[-1].error.message.lower()


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        ('data: {"message": "Boom", "type": "internal", "code": 500}', "server"),
        ('data: {"object": "error", "message": "Boom", "code": 429}', "rate_limit"),
        ('data: {"text": "Boom", "error_code": 50001}', "server"),
        ('data: {"code": "Throttling", "message": "Boom", "choices": null}', "server"),
        ('event: error\ndata: {"message": "Boom"}', "server"),
        ("event: error\ndata: Boom", "server"),
        ('data: {"message": "Boom \\ud83d", "code": 500}', "server"),
    ],
)
def test_an_error_without_its_frame_is_a_failure(frame: str, kind: str) -> None:
    """vLLM, FastChat and DashScope send it bare: behind half an answer it looked like an end."""
    half = stream({"content": "Hal"}, finish=None, done=False)
    events = read(StreamReader(translation()), half + f"{frame}\n\ndata: [DONE]\n\n".encode())
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.error.kind == kind
    assert "Boom" in failed.error.message


OF_ANOTHER_TYPE: list[dict[str, Any]] = [
    {"id": 7},
    {"created": 1.5},
    {"created": "2031-01-01T00:00:00Z"},
    {"usage": {"prompt_tokens": 3.0, "completion_tokens": 4.0}},
    {"usage": {"prompt_tokens": "3", "completion_tokens": "4", "prompt_tokens_details": None}},
    {"usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7.5}},
]


@pytest.mark.parametrize("odd", OF_ANOTHER_TYPE, ids=json.dumps)
@pytest.mark.parametrize("streamed", [True, False])
def test_what_hosts_write_as_another_type(odd: dict[str, Any], streamed: bool) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4}
    said = {"id": "c", "created": 1, "model": "m", "usage": usage, **odd}
    choice = {"index": 0, "finish_reason": "stop"}
    if streamed:
        chunk = {**said, "choices": [{**choice, "delta": {"content": "Hi"}}]}
        events = read(StreamReader(translation()), f"data: {json.dumps(chunk)}\n\n".encode())
    else:
        full = {**said, "choices": [{**choice, "message": {"content": "Hi"}}]}
        events = read_reply(full, translation())
    reply = fold(events)
    assert (reply.id, told(reply)) == (str(said["id"]), [("text", "Hi")])
    assert reply.usage == Usage(input=3, output=4)


@given(st.lists(st.binary(max_size=60) | st.just(b'data: {"choices":[{}]}\n\n'), max_size=8))
def test_any_bytes_end_in_exactly_one_end(chunks: list[bytes]) -> None:
    reader = StreamReader(translation())
    events = [event for chunk in chunks for event in reader.feed(chunk)] + reader.finish()
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    assert isinstance(events[-1], Finished | Failed)
    assert reader.finish() == []


def test_a_full_reply_is_the_same_parts() -> None:
    body = {
        "id": "chatcmpl-1",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hi",
                    "reasoning_content": "hm",
                    "tool_calls": [opening(None, "call_a", "f", '{"x":1}')],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    reply = fold(read_reply(body, translation()))
    assert told(reply) == [("reasoning", "hm"), ("text", "Hi"), *CALL]
    assert reply.usage == Usage(input=3, output=4)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": [{}]}, {"choices": 3}])
def test_a_reply_that_says_nothing_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        fold(read_reply(body, translation()))
    assert caught.value.kind == "upstream_invalid"


@pytest.mark.parametrize("reason", [None, "error", "stop"])
@pytest.mark.parametrize("streamed", [True, False])
def test_an_error_in_a_choice_is_a_failure(reason: str | None, streamed: bool) -> None:
    """OpenRouter tells there why the model's provider broke off."""
    error = {"code": 429, "message": "Provider returned error"}
    said = {"role": "assistant", "content": "Hal"}
    choice = {"index": 0, "finish_reason": reason, "error": error}
    if streamed:
        chunks = [{"index": 0, "delta": said}, {**choice, "delta": {"content": ""}}]
        frames = [f"data: {json.dumps({'id': 'c', 'choices': [chunk]})}\n\n" for chunk in chunks]
        stream = "".join([*frames, "data: [DONE]\n\n"])
        events = read(StreamReader(translation()), stream.encode())
    else:
        events = read_reply({"id": "c", "choices": [{**choice, "message": said}]}, translation())
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.error.kind, failed.error.message) == ("rate_limit", "Provider returned error")


def ended_by(reason: str, **more: Any) -> tuple[Any, Translation]:
    """The last event of a full reply with this finish reason, which a streamed one shares."""
    task = translation()
    choice = {"index": 0, "message": {"content": "Hal"}, "finish_reason": reason, **more}
    full = read_reply({"id": "c", "choices": [choice]}, task)[-1]
    chunk = {"index": 0, "delta": choice.pop("message"), **choice}
    frames = f"data: {json.dumps({'id': 'c', 'choices': [chunk]})}\n\ndata: [DONE]\n\n"
    assert repr(read(StreamReader(translation()), frames.encode())[-1]) == repr(full)
    return full, task


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("SAFETY", "content_filter"),
        ("sensitive", "content_filter"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "context_window"),
    ],
)
def test_a_cut_reply_does_not_look_whole_whatever_its_host_calls_it(
    given: str, reason: str
) -> None:
    last, task = ended_by(given)
    assert (last, task.loss.entries) == (Finished(reason=reason), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("insufficient_system_resource", "overloaded"),
        ("network_error", "server"),
        ("abort", "server"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "upstream_invalid"),
    ],
)
def test_a_model_that_failed_is_a_failure_whatever_its_host_calls_it(given: str, kind: str) -> None:
    last, _ = ended_by(given)
    assert isinstance(last, Failed)
    assert last.error.kind == kind and given in last.error.message


def test_a_blocked_prompt_is_no_broken_reply() -> None:
    """Gemini's OpenAI endpoint leaves the message out."""
    last, _ = ended_by("content_filter: PROHIBITED_CONTENT", message=None)
    assert last == Finished(reason="content_filter")


def test_a_choice_whose_index_is_null_is_the_only_one() -> None:
    choice = {"index": None, "message": {"content": "Hi"}, "finish_reason": "stop"}
    assert told(read_reply({"id": "c", "choices": [choice]}, translation())) == [("text", "Hi")]
