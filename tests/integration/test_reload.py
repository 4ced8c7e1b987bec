"""SIGHUP, and a change of the config's file: another config for the requests that come from now on.

Here: the gateway as a process. Not here: what makes a config good (tests/config).
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import openai
import pytest
from support.asks import Ask, user
from support.dialects import CLIENT_KEY, Clients
from support.gateway import GatewayProcess, config, provider
from support.load import Load
from support.pairs import APIS, model_of, reply_to
from support.sockets import ask, create, opened, text_of
from support.streams import STREAMED, Answer, Json, frames_of
from support.until import until
from support.upstream import Reply, Request, Upstream, closed_port, sse_reply
from support.validators import check

ASK = Ask((user("Hi"),))
BROKEN = {
    "no YAML": ("model_providers: [{", "not YAML"),
    "unknown key": (json.dumps(config(models=1)), "models: unknown key"),
    "missing variable": (
        json.dumps(config({"model": "openai/x", "access_key": "$NOT_THERE"})),
        "NOT_THERE is not set",
    ),
    "empty": ("", "the file is empty"),
}


def source(upstream: Upstream, **more: Any) -> Json:
    return config(provider(upstream.base_url, "messages"), **more)


def aliased(upstream: Upstream, *names: str, **more: Any) -> Json:
    """The same with other names for the model."""
    aliases = {name: {"target": model_of("messages")} for name in names}
    return source(upstream, model_aliases=aliases, **more)


def answered(request: Request) -> Reply:
    return reply_to(request, "messages", Answer("Hi."))


def names(gateway: GatewayProcess) -> set[str]:
    """What one of the workers lists."""
    told = httpx2.get(f"{gateway.base_url}/v1/models", verify=False).json()
    return {model["id"] for model in told["data"]} - {"only-messages"}


def until_applied(gateway: GatewayProcess, *expected: str) -> None:
    """By each of two workers."""
    for worker in gateway.children:
        with gateway.only(worker):
            until(lambda: names(gateway) == {*expected})


@pytest.fixture(scope="module")
def shared(session_upstream: Upstream) -> Iterator[GatewayProcess]:
    with GatewayProcess(source(session_upstream), workers=2) as process:
        until(lambda: len(process.children) == 2)
        yield process


@pytest.fixture
def gateway(shared: GatewayProcess, upstream: Upstream) -> GatewayProcess:
    upstream.script(answered)
    return shared


def test_new_requests_follow_the_new_config(gateway: GatewayProcess, upstream: Upstream) -> None:
    workers = gateway.children
    for name in ("first", "second"):
        gateway.write_config(aliased(upstream, name))
        gateway.reload()
        until_applied(gateway, name)
        assert Clients(gateway.base_url).raw("messages", name, ASK).status_code == 200
    assert gateway.children == workers, "nobody was replaced"


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_config_is_kept_out(
    gateway: GatewayProcess, upstream: Upstream, kind: str
) -> None:
    gateway.write_config(aliased(upstream, "good"))
    gateway.reload()
    until_applied(gateway, "good")
    text, problem = BROKEN[kind]
    gateway.write_config(text)
    printed = len(gateway.output)
    gateway.reload()
    until(lambda: "The config is not applied" in gateway.output[printed:])
    assert problem in gateway.output[printed:]
    assert "Traceback" not in gateway.output
    # A worker that dies meanwhile is replaced all the same.
    victim = gateway.children[0]
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in gateway.children and len(gateway.children) == 2)
    until_applied(gateway, "good")


def test_what_has_begun_goes_on_as_it_began(gateway: GatewayProcess, upstream: Upstream) -> None:
    gate = threading.Event()
    first, *rest = frames_of(STREAMED["messages"](Answer("Slow.")))
    upstream.script(sse_reply([first, gate, *rest]))
    with ExitStack() as stack, closed_port() as nobody:
        stack.callback(gate.set)
        clients = Clients(gateway.base_url)
        streams = [
            (api, stack.enter_context(clients.open(api, model_of("messages"), ASK))) for api in APIS
        ]
        other = provider(f"http://127.0.0.1:{nobody}", "messages", model="elsewhere/m")
        gateway.write_config(config(other, model_aliases={"new": {"target": "elsewhere/m"}}))
        gateway.reload()
        until_applied(gateway, "new")
        assert clients.raw("messages", model_of("messages"), ASK).status_code == 404
        gate.set()
        for api, stream in streams:
            assert check(api, stream.read()) == "finished"


def test_nothing_fails_under_load(gateway: GatewayProcess, upstream: Upstream) -> None:
    gateway.write_config(aliased(upstream, "begin"))
    gateway.reload()
    until_applied(gateway, "begin")
    clients = [Clients(gateway.base_url) for _ in range(6)]

    def plain(client: Clients) -> None:
        assert client.raw("messages", model_of("messages"), ASK).status_code == 200

    def streamed(client: Clients) -> None:
        assert client.ask("responses", model_of("messages"), ASK, stream=True).text == "Hi."

    def one(number: int) -> Any:
        return lambda: (streamed if number % 2 else plain)(clients[number])

    asks = {f"client {number}": one(number) for number in range(6)}
    with Load(asks) as load:
        load.until_answered(1, *asks)
        for turn in range(4):
            gateway.write_config("}" if turn == 2 else aliased(upstream, f"turn-{turn}"))
            gateway.reload()
            load.until_answered(3, *asks)
    until_applied(gateway, "turn-3")


def test_memory_survives_a_change_of_the_file(upstream: Upstream) -> None:
    """Stored responses, used limits, and an open WebSocket with what it knows. Nobody sends a signal."""
    upstream.script(answered)
    clients = [
        {"id": "limited", "key": CLIENT_KEY, "requests": "2/h"},
        {"id": "free", "key": "sk-free-0123456789"},
    ]
    given = source(upstream, access={"keys": clients})
    with GatewayProcess(given, options=["--watch"]) as gateway, ExitStack() as stack:
        free = openai.OpenAI(
            base_url=f"{gateway.base_url}/v1", api_key="sk-free-0123456789", max_retries=0
        )
        limited = Clients(gateway.base_url)
        said = free.responses.create(model=model_of("messages"), input="Remember me", store=True)
        assert limited.raw("messages", model_of("messages"), ASK).status_code == 200
        bearer = {"authorization": f"Bearer {free.api_key}"}
        socket = stack.enter_context(opened(gateway.base_url, headers=bearer))
        first = ask(socket, create(model_of("messages"), "On a socket", store=False))

        # The limit is as before; the other client gets another one.
        keys = [clients[0], {**clients[1], "models": ["new"]}]
        gateway.write_config(aliased(upstream, "new", access={"keys": keys}))
        until(lambda: [model.id for model in free.models.list()] == ["new"])

        assert limited.raw("messages", model_of("messages"), ASK).status_code == 200
        assert limited.raw("messages", model_of("messages"), ASK).status_code == 429
        free.responses.create(model="new", input="Well?", previous_response_id=said.id)
        assert b"Remember me" in upstream.last.body
        previous = first["response"]["id"]
        refused = ask(socket, create(model_of("messages"), store=False))
        assert refused["type"] == "error", "the config of now decides"
        again = create("new", "And?", store=False, previous_response_id=previous)
        assert text_of(ask(socket, again)) == "Hi."
        assert b"On a socket" in upstream.last.body
