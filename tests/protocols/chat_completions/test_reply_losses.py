"""What Chat Completions has no exact place for: written as near as it gets, the same plain and streamed, and noted."""

from typing import Any

import pytest
from support.sdk import openai_told
from support.translated import data_of
from support.validators import check

from wsgi_gateway.protocols.chat_completions import StreamWriter, write_reply
from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.events import Annotation, FinishReason, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, ReplyPart, unfold

URL = Annotation(kind="url", start=0, end=2, url="https://x.test")
LEGACY = {"functions": [{"name": "f"}]}


def text(said: str, **more: Any) -> ReplyPart:
    return ReplyPart(kind="text", text=said, **more)


def call(call_id: str, **more: Any) -> ReplyPart:
    return ReplyPart(kind="tool_call", id=call_id, name="f", text='{"x":1}', **more)


class Written:
    """One reply in both forms: ``full`` and ``streamed`` are the choices; ``lost`` must be the same."""

    def __init__(self, *parts: ReplyPart, body: dict[str, Any] | None = None, **more: Any) -> None:
        reply = Reply(**{"id": "resp_1", "parts": list(parts), "usage": Usage(), **more})
        asked = Conversation(api="chat_completions", model="m", body=body or {})
        plain, told = Loss("chat_completions"), Loss("chat_completions")
        self.whole = write_reply(reply, asked, plain)
        self.full = self.whole["choices"][0]
        self.message = self.full["message"]
        self.data = StreamWriter(asked, told).write(unfold(reply))
        assert check("chat_completions", self.data, usage_asked=True) in ("finished", "incomplete")
        self.chunks = data_of(self.data)
        self.lost = [(entry.path, entry.verdict) for entry in plain.entries]
        assert self.lost == [(entry.path, entry.verdict) for entry in told.entries]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks if chunk["choices"]]

    @property
    def streamed(self) -> Any:
        """What the official SDK makes of the stream."""
        client = openai_told(self.data, "text/event-stream")
        with client.chat.completions.stream(model="m", messages=[]) as stream:
            return stream.get_final_completion().choices[0]


def test_separate_messages_are_set_apart_and_citations_stay_where_they_belong() -> None:
    written = Written(
        text("Hi 😀", phase="commentary"),
        call("a"),
        text("", starts_message=True),
        text("Ho", starts_message=True, annotations=[URL]),
        text(" there", annotations=[URL]),
        reason="tool_calls",
    )
    assert written.message["content"] == "Hi 😀\n\nHo there"
    spans = [
        (cited["url_citation"]["start_index"], cited["url_citation"]["end_index"])
        for cited in written.message["annotations"]
    ]
    assert spans == [(6, 8), (8, 10)]
    assert written.message["annotations"][0] == {
        "type": "url_citation",
        "url_citation": {
            "start_index": 6,
            "end_index": 8,
            "title": "",
            "url": "https://x.test",
        },
    }
    assert written.lost == [("reply.phase", "dropped"), ("reply.content", "approximated")]
    streamed = written.streamed.message
    assert streamed.content == written.message["content"]
    assert [a.to_dict() for a in streamed.annotations] == written.message["annotations"]


def test_a_refusal_in_a_message_of_its_own_needs_no_blank_line() -> None:
    written = Written(text("Hi"), ReplyPart(kind="refusal", text="No", starts_message=True))
    assert (written.message["content"], written.message["refusal"]) == ("Hi", "No")
    assert written.lost == []


def test_citations_that_chat_cannot_tell_are_noted() -> None:
    document = Annotation(kind="document", title="a.pdf")
    words = Annotation(kind="url", end=99, url="u", title="T", cited="words")
    written = Written(text("Hi", annotations=[document, words]))
    (cited,) = written.message["annotations"]
    assert cited["url_citation"]["end_index"] == 2
    assert written.lost == [("reply.annotations", "approximated")] * 2


def test_probabilities_with_the_fields_that_sdks_demand() -> None:
    token = {"token": "Hi", "logprob": -0.5}
    told = {**token, "bytes": None, "top_logprobs": []}
    written = Written(
        text("Hi", logprobs=[token]), ReplyPart(kind="refusal", text="No", logprobs=[token])
    )
    assert written.full["logprobs"] == {"content": [told], "refusal": [told]}
    streamed = written.streamed.logprobs
    assert streamed.content[0].token == streamed.refusal[0].token == "Hi"
    assert Written(text("Hi")).full["logprobs"] is None


def test_the_tier_that_answered() -> None:
    written = Written(text("Hi"), usage=Usage(input=1, output=1, service_tier="flex"))
    assert written.whole["service_tier"] == "flex"
    assert written.chunks[-1]["service_tier"] == "flex"
    assert "service_tier" not in Written(text("Hi"), usage=Usage()).whole


@pytest.mark.parametrize("tier", ["ultrafast", "on_demand"])
def test_a_tier_that_chat_does_not_have_and_searches_that_it_does_not_count_are_noted(
    tier: str,
) -> None:
    written = Written(text("Hi"), usage=Usage(service_tier=tier, web_searches=2))
    assert "service_tier" not in written.whole and "service_tier" not in written.chunks[-1]
    assert set(written.lost) == {("reply.service_tier", "dropped"), ("reply.usage", "dropped")}


@pytest.mark.parametrize(
    ("reason", "more", "finish", "lost"),
    [
        ("stop_sequence", {"stop_sequence": "END"}, "stop", [("reply.stop_sequence", "dropped")]),
        ("pause", {}, "stop", [("reply.finish_reason", "approximated")]),
        ("context_window", {}, "length", [("reply.finish_reason", "approximated")]),
        ("content_filter", {"category": "cyber"}, "content_filter", [("reply.refusal", "dropped")]),
        (
            "content_filter",
            {"explanation": "Not this."},
            "content_filter",
            [("reply.refusal", "approximated")],
        ),
    ],
)
def test_ends(
    reason: FinishReason, more: dict[str, Any], finish: str, lost: list[tuple[str, str]]
) -> None:
    written = Written(text("Hi"), reason=reason, **more)
    assert written.full["finish_reason"] == finish
    assert written.chunks[-2]["choices"][0]["finish_reason"] == finish
    assert written.message["refusal"] == more.get("explanation")
    assert written.lost == lost


def test_an_explanation_comes_behind_a_refusal() -> None:
    written = Written(
        ReplyPart(kind="refusal", text="No. "), reason="content_filter", explanation="Not this."
    )
    assert written.message["refusal"] == "No. Not this."
    assert "".join(delta.get("refusal") or "" for delta in written.deltas) == "No. Not this."


def test_usage_that_nobody_reported_is_zeros_with_a_note() -> None:
    written = Written(text("Hi"), usage=None)
    assert written.whole["usage"]["total_tokens"] == 0
    assert written.lost == [("reply.usage", "approximated")]


def test_a_search_is_noted() -> None:
    written = Written(ReplyPart(kind="web_search", id="ws_1"), text("Hi"))
    assert written.message["content"] == "Hi"
    assert written.lost == [("reply.web_search", "approximated")]


def test_a_client_of_functions_gets_its_own_form() -> None:
    written = Written(text("Hi"), call("a"), reason="tool_calls", body=LEGACY)
    assert written.message["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in written.message
    assert written.full["finish_reason"] == "function_call"
    streamed = written.streamed
    assert streamed.message.function_call.to_dict() == written.message["function_call"]
    assert streamed.finish_reason == "function_call"
    assert written.lost == []


def test_further_calls_have_no_place_in_that_form() -> None:
    written = Written(call("a"), call("b"), reason="tool_calls", body=LEGACY)
    assert [delta for delta in written.deltas if "function_call" in delta] == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"x":1}'}},
    ]
    assert written.lost == [("reply.function_call", "approximated")]


def test_a_custom_call() -> None:
    written = Written(call("a", custom=True), reason="tool_calls")
    assert written.message["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "f", "input": '{"x":1}'}}
    ]
    assert [delta["tool_calls"] for delta in written.deltas if "tool_calls" in delta] == [
        [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "f", "input": ""}}],
        [{"index": 0, "custom": {"input": '{"x":1}'}}],
    ]
