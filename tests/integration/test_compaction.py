"""Compaction, asked for through the official SDK: the endpoint, and the items it gives.

Here: whole exchanges before upstreams of each API. Not here: compaction within a request for an answer
(test_auto_compaction.py), what is kept of a history (tests/protocols/responses).
"""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from support.asks import READERS
from support.compaction import (
    ANSWER,
    HISTORY,
    NEXT,
    QUESTION,
    SUMMARY,
    TRANSLATED,
    WEATHER,
    create,
    model,
    shown,
)
from support.dialects import Clients
from support.open_responses import check_compaction
from support.pairs import PLAIN_AND_STREAM, UPSTREAMS, model_of, reply_to
from support.streams import PLAIN, Answer, Api, Json, ToolCall, Usage, responses_usage
from support.upstream import Reply, Request, Upstream, json_reply

from wsgi_gateway.protocols.responses.compacting import PROMPT, SUMMARY_TOKENS
from wsgi_gateway.protocols.responses.compaction import LEAD_IN


def compact(clients: Clients, api: Api, items: list[Json], **more: Any) -> Json:
    found = clients.openai.responses.compact(model=model_of(api), input=items, **more)
    told: Json = found.to_dict(warnings=False)
    return told


# --- POST /v1/responses/compact


@TRANSLATED
def test_the_model_sums_up_what_its_provider_cannot_compact(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(model(upstream_api))

    told = compact(
        clients,
        upstream_api,
        [*HISTORY, NEXT],
        instructions="Speak English.",
        extra_body={"tools": [WEATHER]},
    )

    check_compaction(json.loads(clients.recorder.body))
    assert told["object"] == "response.compaction"
    assert told["id"].startswith("resp_")
    assert told["created_at"] > 1_700_000_000
    *messages, item = told["output"]
    assert [(m["type"], m["role"], m["status"]) for m in messages] == [
        ("message", "developer", "completed"),
        ("message", "user", "completed"),
        ("message", "user", "completed"),
    ]
    assert [m["content"][0]["text"] for m in messages] == [
        "Answer briefly.",
        "How is Oslo?",
        "And tomorrow?",
    ]
    # OpenAI refuses a message under an id of another kind.
    assert all(m["id"].startswith("msg_") for m in messages)
    assert item.keys() == {"id", "type", "encrypted_content"}
    assert (item["type"], item["id"][:4]) == ("compaction", "cmp_")
    assert SUMMARY not in item["encrypted_content"]
    assert told["usage"]["input_tokens"] == 4000
    assert told["usage"]["output_tokens"] == 90
    (request,) = upstream.requests
    ask = READERS[upstream_api](request.json)
    assert shown(request, upstream_api)[-2:] == ["And tomorrow?", PROMPT]
    assert ask.cap == SUMMARY_TOKENS
    assert [tool.name for tool in ask.tools] == ["get_weather"]
    assert "stream" not in request.json


@UPSTREAMS
@PLAIN_AND_STREAM
def test_later_requests_go_on_from_it_on_any_upstream(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(model("chat_completions"))
    told = compact(clients, "chat_completions", HISTORY)
    upstream.script(model(upstream_api))

    create(clients, stream, model=model_of(upstream_api), input=[*told["output"], NEXT])

    assert shown(upstream.last, upstream_api) == [
        "Answer briefly.",
        "How is Oslo?",
        LEAD_IN + SUMMARY,
        "And tomorrow?",
    ]
    assert told["output"][-1]["encrypted_content"] not in upstream.last.body.decode()
    assert "x-gateway-warning" not in clients.recorder.headers


@TRANSLATED
def test_a_stored_chain_goes_on_from_it_and_can_be_compacted_again(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(model(upstream_api))
    told = compact(clients, upstream_api, HISTORY)
    name = model_of(upstream_api)
    first = create(clients, stream=False, model=name, input=[*told["output"], NEXT])

    create(clients, stream=True, model=name, input="Sure?", previous_response_id=first["id"])

    assert LEAD_IN + SUMMARY in shown(upstream.last, upstream_api)
    assert shown(upstream.last, upstream_api)[-2:] == ["Take an umbrella.", "Sure?"]
    clients.openai.responses.compact(model=name, previous_response_id=first["id"])
    again = json.loads(clients.recorder.body)
    assert shown(upstream.last, upstream_api)[-1] == PROMPT
    assert LEAD_IN + SUMMARY in shown(upstream.last, upstream_api)
    assert [item.get("role") for item in again["output"]] == ["developer", "user", "user", None]


def test_an_upstream_with_the_endpoint_compacts_itself(
    upstream: Upstream, clients: Clients
) -> None:
    theirs = {
        "id": "resp_theirs",
        "object": "response.compaction",
        "created_at": 1,
        "output": [{"type": "compaction", "id": "cmp_theirs", "encrypted_content": "gAAA"}],
        "usage": responses_usage(Usage()),
        "field_of_2031": True,
    }
    upstream.script(json_reply(theirs))

    told = compact(clients, "responses", HISTORY, extra_body={"field_of_2031": 0.10})

    assert told == theirs
    assert upstream.last.target == "/v1/responses/compact"
    assert upstream.last.json == {
        "model": "responses-model",
        "input": HISTORY,
        "field_of_2031": 0.10,
    }


@pytest.mark.parametrize(
    "nothing",
    [
        Reply([b"<html>Not Found</html>"], 404),
        json_reply({"error": "Unexpected endpoint or method. (POST /v1/responses/compact)"}),
    ],
    ids=["404", "lm-studio"],
)
def test_where_an_upstream_has_no_such_endpoint_its_model_sums_up(
    upstream: Upstream, clients: Clients, nothing: Reply
) -> None:
    def reply(request: Request) -> Reply:
        if request.path.endswith("/compact"):
            return nothing
        return model("responses")(request)

    upstream.script(reply)

    told = compact(clients, "responses", HISTORY)

    assert [request.path for request in upstream.requests] == [
        "/v1/responses/compact",
        "/v1/responses",
    ]
    create(clients, stream=False, model="responses-model", input=[*told["output"], NEXT])
    assert LEAD_IN + SUMMARY in shown(upstream.last, "responses")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"type": "compaction", "encrypted_content": "gAAA"}]}, "input[0]"),
        ({"input": "x", "previous_response_id": "resp_nobody"}, "previous_response_id"),
    ],
)
def test_what_cannot_be_compacted_is_refused(
    upstream: Upstream, clients: Clients, given: Json, param: str
) -> None:
    upstream.script(model("messages"))

    with pytest.raises(openai.BadRequestError) as refused:
        clients.openai.responses.compact(model="messages-model", **given)

    assert refused.value.param == param
    assert upstream.requests == []


def test_a_model_must_be_named(upstream: Upstream, clients: Clients) -> None:
    upstream.script(model("messages"))

    reply = clients.post("/v1/responses/compact", json.dumps({"input": "Hello"}))

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "model")
    assert upstream.requests == []


@pytest.mark.parametrize(
    "answer", [Answer(), Answer(tool_calls=(ToolCall("call_9", "get_weather"),))]
)
def test_a_model_that_gives_no_summary_is_an_error(
    upstream: Upstream, clients: Clients, answer: Answer
) -> None:
    upstream.script(lambda request: reply_to(request, "chat_completions", answer))

    with pytest.raises(openai.InternalServerError) as failed:
        compact(clients, "chat_completions", HISTORY)

    assert failed.value.status_code == 502
    assert failed.value.code == "upstream_invalid_reply"


def test_what_codex_sends_besides_is_told_to_be_without_effect(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(model("messages"))

    compact(
        clients,
        "messages",
        HISTORY,
        extra_body={"parallel_tool_calls": True, "reasoning": {"effort": "high"}, "text": {}},
    )

    warning = clients.recorder.headers["x-gateway-warning"]
    assert "parallel_tool_calls;dropped: does not matter to a compaction" in warning
    assert "reasoning;dropped" in warning


def test_an_upstream_is_told_what_only_the_gateway_knows(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(model("messages"))
    first = create(clients, stream=False, model="messages-model", input="How is Oslo?")
    upstream.script(json_reply({"object": "response.compaction", "output": []}))

    clients.openai.responses.compact(model="responses-model", previous_response_id=first["id"])

    assert upstream.last.target == "/v1/responses/compact"
    assert "previous_response_id" not in upstream.last.json
    assert shown(upstream.last, "responses") == ["How is Oslo?", "Take an umbrella."]


# --- items


@TRANSLATED
def test_an_item_of_another_provider_is_refused(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(model(upstream_api))
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAAB"}

    with pytest.raises(openai.BadRequestError) as refused:
        create(clients, stream=False, model=model_of(upstream_api), input=[QUESTION, item, NEXT])

    assert refused.value.param == "input[1]"
    assert "only the provider that made it can read it" in refused.value.message


@UPSTREAMS
def test_a_damaged_item_is_refused(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(model("messages"))
    item = compact(clients, "messages", HISTORY)["output"][-1]
    upstream.script(model(upstream_api))
    damaged = {**item, "encrypted_content": item["encrypted_content"][:-8]}

    with pytest.raises(openai.BadRequestError) as refused:
        create(clients, stream=False, model=model_of(upstream_api), input=[damaged, NEXT])

    assert refused.value.param == "input[0].encrypted_content"
    assert upstream.requests == []


@TRANSLATED
def test_a_stored_chain_leaves_the_provider_that_compacted_it(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    theirs = PLAIN["responses"](ANSWER)
    compaction = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"}
    theirs["output"] = [compaction, *theirs["output"]]
    upstream.script(json_reply(theirs))
    first = create(clients, stream=False, model="responses-model", input="How is Oslo?")
    upstream.script(model(upstream_api))

    create(
        clients,
        stream=False,
        model=model_of(upstream_api),
        input="Sure?",
        previous_response_id=first["id"],
    )

    assert shown(upstream.last, upstream_api) == ["How is Oslo?", "Take an umbrella.", "Sure?"]
