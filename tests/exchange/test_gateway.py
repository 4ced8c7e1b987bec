"""What of a request goes to an upstream of the same API. Not here: whole exchanges (tests/integration)."""

from __future__ import annotations

import json
import tracemalloc
import weakref
from collections.abc import Iterator

import msgspec
import pytest
from support.collecting import uncollected
from support.gateway import config, provider
from support.in_process import ReadyUpstream
from support.pairs import model_of

from wsgi_gateway.config import Provider, load_config
from wsgi_gateway.exchange.call import Call, Request
from wsgi_gateway.exchange.gateway import Gateway, passed_body
from wsgi_gateway.exchange.translating import Prepared, Translator
from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.compaction import LEAD_IN, Compaction, seal_compaction
from wsgi_gateway.protocols.seal import seal
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.routing import ModelTable

SEALED = seal(Proof(kind="encrypted", value="x", origin="elsewhere"))
LOOP = [
    {"role": "user", "content": "Look"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hmm.", "signature": SEALED},
            {"type": "tool_use", "id": "t1", "name": "look", "input": {}},
        ],
    },
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "seen"}],
    },
]


def call(on_loss: str, **more: object) -> Call:
    entry = {"model": "anthropic/m", "access_key": "k", "upstream_apis": ["messages"]}
    config = load_config({"version": "v0.4.0", "model_providers": [entry]}, {})
    provider: Provider = msgspec.structs.replace(config.providers[0], on_loss=on_loss)
    body = {"model": "m", "max_tokens": 4000, "messages": LOOP, **more}
    messages = PROTOCOLS["messages"]
    return Call(
        request=Request(body=json.dumps(body).encode(), headers={}),
        client=messages,
        upstream=messages,
        provider=provider,
        model="m",
        fields=body,
        pool=ModelTable(config).resolve("m").pool,
    )


def test_losses_are_told_ignored_or_refused_as_configured() -> None:
    budget = {"thinking": {"type": "enabled", "budget_tokens": 2000}}
    for on_loss in ("warn", "ignore"):
        asked = call(on_loss, **budget)
        assert "thinking" not in json.loads(passed_body(asked))
        assert ("x-gateway-warning" in asked.headers) is (on_loss == "warn")
    with pytest.raises(ApiError) as refused:
        passed_body(call("reject", **budget))
    assert (refused.value.kind, refused.value.param) == ("invalid_request", "thinking")
    assert SEALED.encode() not in passed_body(call("reject"))


class Speaking:
    """A stream that has begun, with all that writes it."""

    def __init__(self, kept: tuple[object, ...]) -> None:
        self._kept = kept

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None: ...


HISTORY = [
    {"role": "user", "content": "x" * 1_000_000},
    {"role": "assistant", "content": "yes"},
    {"role": "user", "content": "And?"},
]
ASKED = {
    "chat_completions": ("messages", {"messages": HISTORY}),
    "messages": ("responses", {"messages": HISTORY, "max_tokens": 9}),
    "responses": ("chat_completions", {"input": HISTORY, "store": False}),
}


@pytest.mark.parametrize("client", ASKED)
def test_what_was_said_is_not_held_while_the_model_speaks(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, body = ASKED[client]

    def stream(_: Translator, __: Call, ___: Prepared, *kept: object) -> Speaking:
        return Speaking(kept)

    monkeypatch.setattr(Translator, "stream", stream)
    entry = {"model": "openai/m", "access_key": "k", "upstream_apis": [upstream]}
    gateway = Gateway(load_config({"version": "v0.4.0", "model_providers": [entry]}, {}))
    data = msgspec.json.encode(body | {"model": "m", "stream": True})
    size = len(data)
    tracemalloc.start()
    request = Request(body=bytes(bytearray(data)), headers={})
    answer = gateway.answer(client, request)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert answer.status == 200
    assert held < size / 2


def test_a_compaction_goes_on_as_what_it_stands_for() -> None:
    token = seal_compaction(Compaction("They met.", before=[]))
    items = [
        {"role": "user", "content": "Hello"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": token},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SEALED},
        {"type": "compaction", "id": "cmp_2", "encrypted_content": "gAAA"},
    ]
    asked = call("warn")
    asked.client = asked.upstream = PROTOCOLS["responses"]
    asked.fields = {"model": "m", "input": items[:2], "field_of_2031": True}
    asked.request.body = json.dumps(asked.body).encode()
    summary = {"type": "message", "role": "user", "content": f"{LEAD_IN}They met."}
    assert json.loads(passed_body(asked)) == {**asked.body, "input": [summary]}
    assert "x-gateway-warning" not in asked.headers

    asked.body["input"] = items
    asked.request.body = json.dumps(asked.body).encode()
    assert json.loads(passed_body(asked))["input"] == [summary, items[3]]
    assert "reasoning history" in asked.headers["x-gateway-warning"]


class Headers(dict[str, str]):
    """As a request has them, and it alone, so that they are gone when it is."""


@pytest.mark.parametrize("upstream_api", PROTOCOLS)
@pytest.mark.parametrize("transport", ["fast", "urllib3"])
def test_a_failed_request_leaves_nothing_to_the_garbage_collector(
    upstream_api: str, transport: str
) -> None:
    entry = {
        "model": "scripted/m",
        "base_url": "http://127.0.0.1:1",
        "access_key": "k",
        "upstream_apis": [upstream_api],
    }
    source = {
        "version": "v0.4.0",
        "model_providers": [entry],
        "retries": {"max_retries": 0},
    }
    gateway = Gateway(load_config(source, {}), transport=transport)
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": LOOP[:1]}).encode()
    headers = Headers()
    here = weakref.ref(headers)
    with uncollected():
        answer = gateway.answer("messages", Request(body=body, headers=headers))
        del headers
        assert answer.status == 502
        assert here() is None


def gateway(before: Gateway | None = None, **storage: object) -> Gateway:
    entry = {"model": "anthropic/m", "access_key": "k", "upstream_apis": ["messages"]}
    source = {"model_providers": [entry], "state_storage": {"type": "memory", **storage}}
    return Gateway(load_config(source, {}), before=before)


def test_a_successor_has_what_is_in_memory() -> None:
    first = gateway()
    second = gateway(first, passthrough=False)
    third = gateway(second, ttl="1h")
    assert first.newest() is first
    first.successor, second.successor = second, third
    assert first.newest() is second.newest() is third
    kept = [one.state_of({}) for one in (first, second, third)]
    kept[0].put({"a": b"1"})
    assert [one.get(["a"]) for one in kept] == [{"a": b"1"}, {"a": b"1"}, {}], "another storage"
    assert third.background.running is first.background.running


def test_what_was_used_counts_after_a_config_without_keys() -> None:
    key = "sk-0123456789abcdef"

    def follow(before: Gateway | None, **access: object) -> Gateway:
        source = config(provider("http://ready", "messages"), access=access)
        gateway = Gateway(load_config(source, {}), before=before)
        gateway._upstreams = ReadyUpstream()  # type: ignore[assignment]
        return gateway

    def ask(one: Gateway) -> int:
        asked = {"model": model_of("messages"), "max_tokens": 9, "messages": LOOP[:1]}
        request = Request(body=json.dumps(asked).encode(), headers={"x-api-key": key})
        return one.answer("messages", request).status

    limited = {"keys": [{"id": "a", "key": key, "requests": "2/h"}]}
    keyed = follow(None, **limited)
    assert [ask(keyed) for _ in range(3)] == [200, 200, 429]
    without = follow(keyed)
    assert ask(without) == 200
    assert ask(follow(follow(without), **limited)) == 429
