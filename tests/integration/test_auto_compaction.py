"""Compaction within a request for an answer: beyond a threshold, by a trigger as Codex sends it, and by Codex itself.

Here: whole exchanges before upstreams of each API. Not here: the endpoint, and items of others (test_compaction.py).
"""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from pathlib import Path

import openai
import pytest
from conftest import GatewayFactory
from support.agents import find_agent, run_codex
from support.asks import READERS
from support.compaction import (
    ANSWER,
    AT_1000,
    CALL,
    HISTORY,
    NEXT,
    QUESTION,
    RESULT,
    RULES,
    SUMMARY,
    TRANSLATED,
    TRIGGER,
    WEATHER,
    create,
    model,
    shown,
)
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.open_responses import check_response
from support.pairs import PLAIN_AND_STREAM, UPSTREAMS, error_body, model_of, reply_to
from support.streams import Answer, Api, Json, ToolCall, Usage
from support.until import until
from support.upstream import Reply, Request, Upstream, json_reply

from wsgi_gateway.protocols.responses.compacting import PROMPT, SUMMARY_TOKENS
from wsgi_gateway.protocols.responses.compaction import LEAD_IN

# --- context_management


@TRANSLATED
@PLAIN_AND_STREAM
def test_a_history_beyond_the_threshold_is_compacted_first(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(model(upstream_api))

    told = create(
        clients,
        stream,
        model=model_of(upstream_api),
        input=[*HISTORY, NEXT],
        tools=[WEATHER],
        context_management=AT_1000,
    )

    first, second = upstream.requests
    assert shown(first, upstream_api) == [
        "Answer briefly.",
        "How is Oslo?",
        "It rains in Oslo.",
        PROMPT,
    ]
    assert "stream" not in first.json
    assert shown(second, upstream_api) == [
        "Answer briefly.",
        "How is Oslo?",
        LEAD_IN + SUMMARY,
        "And tomorrow?",
    ]
    if not stream:
        check_response(json.loads(clients.recorder.body))
    kinds = [item["type"] for item in told["output"]]
    assert kinds == ["compaction", "reasoning", "message"]
    assert told["output"][0]["id"].startswith("cmp_")
    assert told["usage"]["input_tokens"] == ANSWER.usage.input
    assert (
        "reply.usage;dropped: the compaction's 4000 input and 90 output tokens are not in it"
        in clients.recorder.headers["x-gateway-warning"]
    )


@TRANSLATED
@pytest.mark.parametrize("way", ["pruned", "whole", "stored", "references"])
def test_its_item_stands_for_all_before_it(
    upstream: Upstream, clients: Clients, upstream_api: Api, way: str
) -> None:
    upstream.script(model(upstream_api))
    given = [*HISTORY, NEXT]
    asked = {"model": model_of(upstream_api), "tools": [WEATHER], "context_management": AT_1000}
    told = create(clients, stream=False, input=given, **asked)
    last = {"role": "user", "content": "Sure?"}
    items: dict[str, list[Json]] = {
        "pruned": [*told["output"], last],
        "whole": [*given, *told["output"], last],
        "stored": [last],
        "references": [
            *given,
            *({"type": "item_reference", "id": item["id"]} for item in told["output"]),
            last,
        ],
    }
    upstream.requests.clear()

    chain = {"previous_response_id": told["id"]} if way == "stored" else {}
    create(clients, stream=True, input=items[way], **asked, **chain)

    (request,) = upstream.requests
    assert shown(request, upstream_api) == [
        "Answer briefly.",
        "How is Oslo?",
        LEAD_IN + SUMMARY,
        "And tomorrow?",
        "Take an umbrella.",
        "Sure?",
    ]


@TRANSLATED
def test_within_a_tool_loop_the_newest_calls_stay_with_their_results(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(model(upstream_api))
    again = {**CALL, "call_id": "call_2", "arguments": '{"city":"Rome"}'}

    create(
        clients,
        stream=False,
        model=model_of(upstream_api),
        input=[
            RULES,
            QUESTION,
            CALL,
            RESULT,
            again,
            {**RESULT, "call_id": "call_2", "output": "sun"},
        ],
        tools=[WEATHER],
        context_management=AT_1000,
    )

    assert len(upstream.requests) == 2
    body = upstream.last.body.decode()
    assert "call_2" in body
    assert "call_1" not in body


@TRANSLATED
def test_below_the_threshold_nothing_is_compacted(
    upstream: Upstream, clients: Clients, upstream_api: Api
) -> None:
    upstream.script(model(upstream_api))

    told = create(
        clients,
        stream=False,
        model=model_of(upstream_api),
        input=[*HISTORY, NEXT],
        tools=[WEATHER],
        context_management=[{"type": "compaction", "compact_threshold": 2000}],
    )

    assert len(upstream.requests) == 1
    assert [item["type"] for item in told["output"]] == ["reasoning", "message"]
    assert "x-gateway-warning" not in clients.recorder.headers


def test_one_long_turn_is_left_alone(upstream: Upstream, clients: Clients) -> None:
    upstream.script(model("messages"))

    create(
        clients,
        stream=False,
        model="messages-model",
        input=[RULES, {"role": "user", "content": "rain " * 2000}],
        context_management=AT_1000,
    )

    assert len(upstream.requests) == 1
    warning = clients.recorder.headers["x-gateway-warning"]
    assert "context_management;dropped: there is nothing to compact" in warning


def test_no_threshold_stands_for_a_default(upstream: Upstream, clients: Clients) -> None:
    upstream.script(model("messages"))

    create(
        clients,
        stream=False,
        model="messages-model",
        input="x",
        context_management=[{"type": "compaction"}],
    )

    warning = clients.recorder.headers["x-gateway-warning"]
    assert "context_management[0].compact_threshold;approximated: 100000 tokens" in warning


@PLAIN_AND_STREAM
def test_a_failed_compaction_fails_the_request_as_the_upstream_did(
    upstream: Upstream, clients: Clients, stream: bool
) -> None:
    refusal = error_body("messages", "slow down", "rate_limit_error")
    upstream.script(json_reply(refusal, 429, {"retry-after": "7"}))

    with pytest.raises(openai.RateLimitError) as failed:
        create(
            clients,
            stream,
            model="messages-model",
            input=[*HISTORY, NEXT],
            tools=[WEATHER],
            context_management=AT_1000,
        )

    assert failed.value.response.headers["retry-after"] == "7"
    assert len(upstream.requests) == 1


def test_a_client_that_leaves_after_the_compaction_is_noticed(
    upstream: Upstream, gateway: GatewayProcess
) -> None:
    arrived = threading.Event()

    def reply(request: Request) -> Reply:
        if len(upstream.requests) == 1:
            return model("messages")(request)
        arrived.set()
        return Reply(framing="chunked", wait_for_peer_to_leave=True)

    upstream.script(reply)
    items = [*HISTORY, NEXT]
    body = {"model": "messages-model", "input": items, "context_management": AT_1000}
    connection = HTTPConnection("127.0.0.1", gateway.port)
    connection.request("POST", "/v1/responses", json.dumps(body))
    assert arrived.wait(10)

    connection.close()

    assert upstream.last.abandoned.wait(5), "the gateway keeps waiting for nobody"


def test_a_second_attempt_goes_on_from_the_first_one_s_compaction(
    upstream: Upstream, gateway_factory: GatewayFactory
) -> None:
    def reply(request: Request) -> Reply:
        if len(upstream.requests) == 2:
            return json_reply(error_body("messages", "Not now", "api_error"), 500)
        return model("chat_completions" if "completions" in request.path else "messages")(request)

    upstream.script(reply)
    targets = [model_of("messages"), model_of("chat_completions")]
    deployments = [{"target": name, "priority": at} for at, name in enumerate(targets, 1)]
    clients = Clients(
        gateway_factory(
            config(
                provider(upstream.base_url, "messages"),
                provider(upstream.base_url, "chat_completions"),
                model_aliases={"any": {"deployments": deployments}},
                retries={"max_retries": 2, "base_delay": "1ms", "max_delay": "50ms"},
            )
        ).base_url
    )

    told = create(
        clients,
        stream=False,
        model="any",
        input=[*HISTORY, NEXT],
        tools=[WEATHER],
        context_management=AT_1000,
    )

    _, failed, answered = upstream.requests
    assert shown(failed, "messages")[2] == LEAD_IN + SUMMARY
    assert shown(answered, "chat_completions")[2] == LEAD_IN + SUMMARY
    assert [item["type"] for item in told["output"]] == ["compaction", "reasoning", "message"]


def test_a_responses_upstream_gets_the_settings_as_they_are(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(model("responses"))

    create(
        clients,
        stream=False,
        model="responses-model",
        input=[*HISTORY, NEXT],
        context_management=AT_1000,
    )

    (request,) = upstream.requests
    assert request.json["context_management"] == AT_1000


def test_in_the_background_it_is_compacted_too(upstream: Upstream, clients: Clients) -> None:
    upstream.script(model("messages"))

    begun = clients.openai.responses.create(
        model="messages-model",
        input=[*HISTORY, NEXT],
        tools=[WEATHER],
        context_management=AT_1000,
        background=True,
    )

    assert begun.status == "queued"
    until(lambda: clients.openai.responses.retrieve(begun.id).status == "completed")
    told = clients.openai.responses.retrieve(begun.id)
    assert [item.type for item in told.output] == ["compaction", "reasoning", "message"]
    assert shown(upstream.last, "messages")[2] == LEAD_IN + SUMMARY


# --- compaction_trigger, as Codex sends it


@pytest.mark.clients
@TRANSLATED
@pytest.mark.parametrize("websocket", [False, True], ids=["http", "websocket"])
def test_codex_itself_goes_on_after_a_compaction(
    upstream: Upstream, tmp_path: Path, upstream_api: Api, websocket: bool
) -> None:
    program = find_agent("codex")
    if program is None:
        pytest.skip("Codex is not installed: make clients")
    (tmp_path / "a.txt").write_text("plum\n")
    look = ToolCall("call_1", "exec_command", '{"cmd":"cat a.txt"}')
    full = Answer(tool_calls=(look,), usage=Usage(90_000, 0, 0, 50, 0))

    def reply(request: Request) -> Reply:
        if len(upstream.requests) == 1:
            return reply_to(request, upstream_api, full)
        return model(upstream_api)(request)

    upstream.script(reply)
    aliases = {"gpt-5.5": {"target": model_of(upstream_api)}}
    providers = config(provider(upstream.base_url, upstream_api), model_aliases=aliases)
    with GatewayProcess(providers) as running:
        ask = "What does a.txt say?"
        run = run_codex(
            program,
            tmp_path,
            running.base_url,
            "gpt-5.5",
            ask,
            websocket=websocket,
            compact_limit=20_000,
        )

    assert run.code == 0, run.err
    assert ANSWER.text in run.out
    assert "context compacted" in run.err
    _, summary, last = upstream.requests
    assert b"plum" in summary.body
    texts = [message_text(message) for message in last.json["messages"]]
    assert "".join(texts).endswith(f"{ask}{LEAD_IN}{SUMMARY}")


def message_text(message: Json) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@TRANSLATED
@PLAIN_AND_STREAM
def test_a_trigger_makes_the_reply_one_compaction(
    upstream: Upstream, clients: Clients, upstream_api: Api, stream: bool
) -> None:
    upstream.script(model(upstream_api))

    told = create(
        clients,
        stream,
        model=model_of(upstream_api),
        input=[*HISTORY, TRIGGER],
        tools=[WEATHER],
        reasoning={"effort": "high"},
        context_management=AT_1000,
    )

    (request,) = upstream.requests
    assert shown(request, upstream_api)[-2:] == ["It rains in Oslo.", PROMPT]
    assert READERS[upstream_api](request.json).cap == SUMMARY_TOKENS
    assert request.json.get("stream", False) is stream
    if not stream:
        check_response(json.loads(clients.recorder.body))
    (item,) = told["output"]
    assert item.keys() == {"id", "type", "encrypted_content"}
    assert told["status"] == "completed"
    assert told["usage"]["input_tokens"] == 4000

    create(clients, stream, model=model_of(upstream_api), input=[QUESTION, item, NEXT])
    assert shown(upstream.last, upstream_api) == [
        "How is Oslo?",
        LEAD_IN + SUMMARY,
        "And tomorrow?",
    ]


@UPSTREAMS
@pytest.mark.parametrize("way", ["stored", "whole"])
def test_after_a_trigger_the_messages_and_the_summary_are_left(
    upstream: Upstream, clients: Clients, upstream_api: Api, way: str
) -> None:
    upstream.script(model("messages"))
    given = [*HISTORY, TRIGGER]
    told = create(clients, stream=False, model="messages-model", input=given)
    items = {"stored": [NEXT], "whole": [*given, *told["output"], NEXT]}
    chain = {"previous_response_id": told["id"]} if way == "stored" else {}
    upstream.script(model(upstream_api))

    create(clients, stream=True, model=model_of(upstream_api), input=items[way], **chain)

    assert shown(upstream.last, upstream_api) == [
        "Answer briefly.",
        "How is Oslo?",
        LEAD_IN + SUMMARY,
        "And tomorrow?",
    ]


def test_a_trigger_before_other_items_is_refused(upstream: Upstream, clients: Clients) -> None:
    upstream.script(model("messages"))

    with pytest.raises(openai.BadRequestError) as refused:
        create(clients, stream=False, model="messages-model", input=[QUESTION, TRIGGER, NEXT])

    assert refused.value.param == "input[1]"
    assert upstream.requests == []


@PLAIN_AND_STREAM
def test_a_trigger_without_a_summary_is_an_error(
    upstream: Upstream, clients: Clients, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, "messages", Answer(thinking="Hm.")))

    with pytest.raises(openai.APIError, match="no summary"):
        create(clients, stream, model="messages-model", input=[QUESTION, TRIGGER])


def test_a_responses_upstream_gets_the_trigger_as_it_is(
    upstream: Upstream, clients: Clients
) -> None:
    upstream.script(model("responses"))

    create(clients, stream=False, model="responses-model", input=[QUESTION, TRIGGER])

    assert upstream.last.json["input"] == [QUESTION, TRIGGER]
