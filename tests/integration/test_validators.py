"""The judges are judged: they accept the golden streams and object to each way of spoiling them."""

from __future__ import annotations

import pytest
from support.pairs import GOLDEN, GOLDEN_FOLDER
from support.streams import Api
from support.validators import Ending, check

GOLDEN_ENDINGS: dict[str, tuple[Api, Ending]] = {
    "chat": ("chat_completions", "finished"),
    "chat_error_midstream": ("chat_completions", "failed"),
    "messages": ("messages", "finished"),
    "messages_error_midstream": ("messages", "failed"),
    "responses": ("responses", "finished"),
    "responses_error_midstream": ("responses", "failed"),
    "responses_failed_midstream": ("responses", "failed"),
    "responses_incomplete": ("responses", "incomplete"),
}


@pytest.mark.parametrize("name", GOLDEN_ENDINGS)
def test_golden_streams_are_legal(name: str) -> None:
    api, ending = GOLDEN_ENDINGS[name]
    raw = (GOLDEN_FOLDER / f"{name}.sse").read_bytes()

    assert check(api, raw, usage_asked=True) == ending


@pytest.mark.parametrize("api", GOLDEN)
def test_stream_without_its_last_event_is_cut(api: Api) -> None:
    raw = GOLDEN[api]
    last = raw.rindex(b"\n\n", 0, -2) + 2

    assert check(api, raw[:last], usage_asked=True) == "cut"


SPOILED: list[tuple[Api, bytes, bytes]] = [
    ("chat_completions", b"data: {", b"event: chunk\ndata: {"),
    ("chat_completions", b"\n", b"\r\n"),
    ("chat_completions", b"data: [DONE]", b"retry: 5\ndata: [DONE]"),
    ("chat_completions", b'"role":"assistant",', b""),
    ("chat_completions", b'"content":"Let me "', b'"role":"assistant","content":"Let me "'),
    ("chat_completions", b'"index":1,"id"', b'"index":2,"id"'),
    ("chat_completions", b'"index":0,"function"', b'"index":0,"id":"call_a1","function"'),
    ("chat_completions", b'"id":"call_b2"', b'"id":"call_a1"'),
    ("chat_completions", b'"finish_reason":"tool_calls"', b'"finish_reason":"stop"'),
    ("chat_completions", b'"finish_reason":"tool_calls"', b'"finish_reason":null'),
    ("chat_completions", b'"total_tokens":50', b'"total_tokens":51'),
    ("chat_completions", b'"content":"Let me "', b'"content":"x","annotations":[]'),
    ("chat_completions", b'"type":"function"', b'"type":"custom"'),
    ("chat_completions", b'"logprobs":null', b'"logprobs":{"content":[{"token":"x"}]}'),
    ("chat_completions", b'"content":"Let me "', b'"function_call":{"arguments":""}'),
    ("messages", b"event: ping\n", b""),
    ("messages", b"event: message_stop", b"event: message_end"),
    ("messages", b'"index":2', b'"index":3'),
    ("messages", b'"signature":"U0lH"', b'"signature":""'),
    ("messages", b'"type":"text_delta","text"', b'"type":"thinking_delta","thinking"'),
    ("messages", b'"id":"toolu_b2"', b'"id":"toolu_a1"'),
    ("messages", b'"stop_reason":"tool_use"', b'"stop_reason":"end_turn"'),
    ("messages", b'"stop_reason":"tool_use"', b'"stop_reason":null'),
    ("messages", b'"input_tokens":15,', b""),
    ("responses", b'"sequence_number":7,', b'"sequence_number":8,'),
    ("responses", b"event: response.in_progress", b"event: response.queued"),
    ("responses", b'"delta":"Let me "', b'"delta":"Let us "'),
    ("responses", b'"output_index":2,"item":{"id":"fc_a1"', b'"output_index":2,"item":{"id":"x"'),
    ("responses", b'"status":"completed","background"', b'"status":"incomplete","background"'),
    ("responses", b'"call_id":"call_b2"', b'"call_id":"call_a1"'),
    ("responses", b'"total_tokens":50', b'"total_tokens":51'),
    ("responses", b'"encrypted_content":"RU5D","status":"completed"}}', b'"status":"completed"}}'),
]


@pytest.mark.parametrize(("api", "good", "bad"), SPOILED)
def test_spoiled_stream_is_objected_to(api: Api, good: bytes, bad: bytes) -> None:
    assert good in GOLDEN[api]

    with pytest.raises((AssertionError, KeyError)):
        check(api, GOLDEN[api].replace(good, bad), usage_asked=True)


@pytest.mark.parametrize("api", GOLDEN)
def test_second_terminator_is_objected_to(api: Api) -> None:
    raw = GOLDEN[api]
    last = raw[raw.rindex(b"\n\n", 0, -2) + 2 :]

    with pytest.raises(AssertionError):
        check(api, raw + last, usage_asked=True)


def test_usage_that_nobody_asked_for_is_objected_to() -> None:
    with pytest.raises(AssertionError, match="did not ask"):
        check("chat_completions", GOLDEN["chat_completions"], usage_asked=False)
