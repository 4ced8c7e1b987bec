"""What a Responses client gets, judged by the order rules and read back by the official SDK."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response
from support.events import read, translation
from support.sdk import openai_told
from support.validators import check_responses

from wsgi_gateway.protocols.aliases import Aliases
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
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.responses import (
    StreamReader,
    StreamWriter,
    read_reply,
    read_request,
    write_reply,
)
from wsgi_gateway.protocols.seal import unseal

LOSS = Loss("responses")

GOLDEN = Path(__file__).parents[2] / "golden"
PROOF = Proof(kind="signature", value="U0lH", origin="prov")
USAGE = Usage(input=30, output=20, cache_read=10, cache_write=5, reasoning=8)
SEARCH = {"type": "tool_search", "execution": "client"}
EVENTS: list[Event] = [
    Started(id="msg_1", model="upstream-model"),
    PartStarted(index=0, kind="reasoning"),
    Delta(0, "Need "),
    Delta(0, "weather."),
    PartEnded(index=0, proof=PROOF),
    PartStarted(index=1, kind="reasoning"),
    PartEnded(index=1, proof=Proof(kind="redacted", value="UkVE", origin="prov")),
    PartStarted(index=2, kind="text"),
    Delta(2, "Let me "),
    PartStarted(index=3, kind="text"),
    Delta(3, "now"),
    Delta(2, "check 😀."),
    PartEnded(index=2),
    PartEnded(index=3),
    PartStarted(index=4, kind="refusal"),
    Delta(4, "No."),
    PartEnded(index=4),
    PartStarted(index=5, kind="tool_call", id="call_a", name="f"),
    PartStarted(index=6, kind="tool_call", id="call_b", name="g", namespace="ns"),
    Delta(5, '{"x":'),
    Delta(6, "{}"),
    Delta(5, "1}"),
    PartEnded(index=5),
    PartEnded(index=6),
    PartStarted(index=7, kind="tool_call", id="call_c", name="p", custom=True),
    Delta(7, "*** Begin"),
    PartEnded(index=7),
    PartStarted(index=8, kind="tool_call", id="call_d", name="tool_search"),
    Delta(8, '{"query":"x"}'),
    PartEnded(index=8),
    PartStarted(index=9, kind="text"),
    Delta(9, "Done."),
    PartEnded(index=9),
    UsageReported(USAGE),
    Finished(reason="tool_calls"),
]


def conversation(**body: Any) -> Conversation:
    return read_request({"model": "asked", "input": "hi", **body}, Loss("responses"))


def wire_events(data: bytes) -> list[dict[str, Any]]:
    lines = data.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def accumulated(data: bytes) -> dict[str, Any]:
    client = openai_told(data, "text/event-stream")
    with client.responses.stream(model="asked", input="hi") as stream:
        return stream.get_final_response().to_dict()


def without_ids(response: dict[str, Any]) -> dict[str, Any]:
    output = [{**item, "id": item["id"].split("_")[0]} for item in response["output"]]
    made = {"id", "created_at", "completed_at"}
    return {**{key: response[key] for key in response if key not in made}, "output": output}


def written(*events: Event, **body: Any) -> tuple[dict[str, Any], bytes]:
    """The finished response and the whole stream."""
    writer = StreamWriter(conversation(**body), LOSS)
    data = b"".join(writer.write([event]) for event in events)
    assert writer.response is not None
    assert check_responses(data) in ("finished", "incomplete")
    return writer.response, data


def test_the_sdk_accumulates_what_the_full_reply_says() -> None:
    writer = StreamWriter(conversation(tools=[SEARCH]), LOSS)
    data = writer.write(EVENTS)
    assert check_responses(data) == "finished"
    full = write_reply(fold(EVENTS), conversation(tools=[SEARCH]), LOSS)
    streamed = accumulated(data)
    for item in streamed["output"]:
        item.pop("parsed_arguments", None)
        for part in item.get("content", []):
            part.pop("parsed", None)
    assert writer.response is not None
    assert without_ids(streamed) == without_ids(writer.response) == without_ids(full)
    client = openai_told(json.dumps(full).encode(), "application/json")
    assert client.responses.create(model="asked", input="hi").to_dict() == full
    Response.model_validate(full, strict=True)


def test_a_thought_without_proof_is_sealed_as_one() -> None:
    """LangChain and Vercel's AI SDK send nothing back that has no encrypted content."""
    events: list[Event] = [
        Started(id="x", model="m"),
        PartStarted(index=0, kind="reasoning"),
        Delta(0, "Hm."),
        PartEnded(index=0),
        PartStarted(index=1, kind="reasoning"),
        PartEnded(index=1),
        UsageReported(Usage()),
        Finished(reason="stop"),
    ]
    response, _ = written(*events)
    thought, nothing = response["output"]
    assert unseal(thought["encrypted_content"]) == Proof(kind="none")
    assert "encrypted_content" not in nothing


def test_the_items() -> None:
    response, _ = written(*EVENTS, tools=[SEARCH])
    assert [item["type"] for item in response["output"]] == [
        "reasoning",
        "reasoning",
        "message",
        "function_call",
        "function_call",
        "custom_tool_call",
        "tool_search_call",
        "message",
    ]
    thought, hidden, message, call, inner, custom, search, last = response["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "Need weather."}]
    assert unseal(thought["encrypted_content"]) == PROOF
    assert hidden["summary"] == [] and unseal(hidden["encrypted_content"]) is not None
    assert [part.get("text", part.get("refusal")) for part in message["content"]] == [
        "Let me check 😀.",
        "now",
        "No.",
    ]
    assert (call["call_id"], call["name"], call["arguments"]) == ("call_a", "f", '{"x":1}')
    assert "namespace" not in call
    assert inner["namespace"] == "ns"
    assert (custom["name"], custom["input"]) == ("p", "*** Begin")
    assert (search["execution"], search["arguments"]) == ("client", {"query": "x"})
    assert last["content"][0]["text"] == "Done."
    assert {item["status"] for item in response["output"]} == {"completed"}
    assert (response["status"], response["incomplete_details"]) == ("completed", None)
    assert response["usage"] == {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 8},
        "total_tokens": 50,
    }


def test_nothing_is_held_back() -> None:
    writer = StreamWriter(conversation(), LOSS)
    for event in EVENTS:
        data = writer.write([event])
        due = not isinstance(event, UsageReported)
        assert bool(data) is due, event
        if isinstance(event, Delta):
            assert wire_events(data)[-1]["delta"] == event.text


def test_a_search_that_nobody_declared_is_a_function() -> None:
    response, data = written(*EVENTS)
    assert [item["type"] for item in response["output"]][6] == "function_call"
    assert check_responses(data) == "finished"


@pytest.mark.parametrize("name", ["responses", "responses_incomplete"])
def test_a_golden_stream_comes_out_as_it_went_in(name: str) -> None:
    data = (GOLDEN / f"{name}.sse").read_bytes()
    events = read(StreamReader(translation()), data)
    _, again = written(*events, store=False, reasoning={"effort": "medium", "summary": "auto"})
    before, after = wire_events(data), wire_events(again)
    assert [event["type"] for event in before] == [event["type"] for event in after]
    ends = [event["response"] for event in (before[-1], after[-1])]
    for end in ends:
        end.pop("completed_at", None)
        for item in end["output"]:
            item.pop("encrypted_content", None)
    assert without_ids({**ends[0], "model": "asked"}) == without_ids(ends[1])


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("stop_sequence", "completed", None),
        ("pause", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("context_window", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_reasons(reason: Any, status: str, details: object) -> None:
    events: list[Event] = [
        Started(id="x", model="y"),
        PartStarted(index=0, kind="text"),
        Delta(0, "a"),
        PartEnded(index=0),
        Finished(reason=reason),
    ]
    response, data = written(*events)
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert response["output"][0]["status"] == status
    assert (response["completed_at"] is None) is (status == "incomplete")
    assert wire_events(data)[-1]["type"] == f"response.{status}"
    check_responses(data)
    assert without_ids(write_reply(fold(events), conversation(), LOSS)) == without_ids(response)


def test_a_call_that_a_limit_cut_short_is_kept_as_it_is() -> None:
    response, data = written(
        Started(id="x", model="y"),
        PartStarted(index=0, kind="tool_call", id="c", name="f"),
        Delta(0, '{"a'),
        PartEnded(index=0, complete=False),
        Finished(reason="length"),
    )
    (call,) = response["output"]
    assert (call["status"], call["arguments"]) == ("incomplete", '{"a')
    assert check_responses(data) == "incomplete"


@pytest.mark.parametrize("text", ["", "Sorry, "])
def test_an_explanation_is_a_refusal(text: str) -> None:
    parts: list[Event] = []
    if text:
        parts = [PartStarted(index=0, kind="text"), Delta(0, text), PartEnded(index=0)]
    response, data = written(
        Started(id="x", model="y"),
        *parts,
        Finished(reason="content_filter", explanation="It is against the rules."),
    )
    (message,) = response["output"]
    assert message["content"][-1] == {"type": "refusal", "refusal": "It is against the rules."}
    assert check_responses(data) == "incomplete"


@pytest.mark.parametrize("at", range(len(EVENTS)))
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ApiError("overloaded", "sorry"), "server_is_overloaded"),
        (ApiError("invalid_request", "bad"), "invalid_prompt"),
        (ApiError("rate_limit", "slow", code="slow_down"), "slow_down"),
    ],
)
def test_a_failure_never_looks_complete(at: int, error: ApiError, code: str) -> None:
    writer = StreamWriter(conversation(), LOSS)
    data = writer.write([*EVENTS[:at], Failed(error)])
    assert writer.response is None
    assert check_responses(data) == "failed"
    event, failed = wire_events(data)[-2:]
    assert (event["code"], event["error"]["code"]) == (code, code)
    assert failed["response"]["error"]["code"] == code
    with pytest.raises(openai.APIError, match=error.message):
        accumulated(data)
    raw = openai_told(data, "text/event-stream").responses.create(model="m", input="", stream=True)
    with pytest.raises(openai.APIError, match=error.message):
        list(raw)


def test_every_response_has_its_own_id() -> None:
    first, data = written(*EVENTS)
    second, _ = written(*EVENTS)
    assert first["id"] != second["id"]
    assert {e["response"]["id"] for e in wire_events(data) if "response" in e} == {first["id"]}


def test_what_went_out_can_be_sent_back() -> None:
    response, _ = written(*EVENTS, tools=[SEARCH])
    again = read_request({"model": "m", "input": response["output"]}, Loss("responses"))
    assert len(again.items) == len(response["output"])
    events = read_reply(response, translation())
    assert isinstance(events[-1], Finished)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(["text", "reasoning", "tool_call", "refusal"])),
        st.tuples(st.just("delta"), st.integers(0, 5)),
        st.tuples(st.just("close"), st.integers(0, 5)),
    ),
    max_size=25,
)


def legal_events(steps: list[tuple[str, Any]], ending: Any) -> list[Event]:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    for number, (step, what) in enumerate(steps):
        match step:
            case "open" if what == "tool_call":
                builder.open_call(f"call_{number}", "f")
            case "open":
                builder.open(what)
            case "delta":
                builder.delta(what, '"x"')
            case "close":
                builder.close(what, complete=number % 5 != 0)
    if ending == "fail":
        builder.fail(ApiError("server", "sorry"))
    else:
        builder.finish(ending)
    return builder.take()


@given(STEPS, st.sampled_from(["stop", "length", "content_filter", "fail"]))
def test_any_legal_events_make_a_legal_stream(steps: list[tuple[str, Any]], ending: str) -> None:
    events = legal_events(steps, ending)
    writer = StreamWriter(conversation(), LOSS)
    data = b"".join(writer.write([event]) for event in events)
    expected = {"stop": "finished", "fail": "failed"}.get(ending, "incomplete")
    assert check_responses(data) == expected
    if ending == "stop":
        assert without_ids(accumulated(data))["usage"]["total_tokens"] == 0
    if ending != "fail":
        full = write_reply(fold(events), conversation(), LOSS)
        assert writer.response is not None
        assert without_ids(full) == without_ids(writer.response)
