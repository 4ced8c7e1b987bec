"""Clients with keys of the gateway, and the one gateway that most tests of them share.

Each test has clients of its own there, so that none uses up another's limits.
"""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
import openai
from support.gateway import GatewayProcess, config, provider
from support.planted import KEY, NAMED_KEY, NEW_KEY, OTHER_KEY
from support.streams import Answer, Api, Json, Usage
from support.upstream import Upstream

APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")
ANSWER = Answer("Hello you there", usage=Usage(40, 0, 0, 20, 0))
USED = 60


def key_of(client: str) -> str:
    return f"{NAMED_KEY}{client}"


def client_key(client: str, **limits: Any) -> Json:
    """A config's entry for a client with a key of its own."""
    return {"id": client, "key": key_of(client), **limits}


KEYS: list[Json] = [
    {"id": "a", "key": KEY},
    {"id": "b", "key": OTHER_KEY, "models": ["messages-*"]},
    {"id": "a", "key": NEW_KEY, "requests": "4/h"},
    *(client_key(f"requests-{api}", requests="2/h") for api in APIS),
    *(
        client_key(f"{way}-{client}-{other}", tokens="100/h")
        for way in ("plain", "streamed")
        for client in APIS
        for other in APIS
    ),
    client_key("told", tokens=["100/h", "1000/d"]),
    *(client_key(f"concurrent-{api}", concurrency=1) for api in APIS),
    client_key("serial", concurrency=1),
    client_key("socket", requests="2/h"),
    client_key("leaving", tokens="50/h"),
    client_key("failing", tokens="50/h"),
    client_key("not-asking", tokens="1000/h"),
    client_key("working", tokens="50/h", concurrency=1),
    client_key("counting", tokens="1/h", requests="3/h"),
]
"""Each test has clients of its own, so that one gateway does for most of them."""


def gateway_config(upstream: Upstream, *keys: Json, **more: Any) -> Json:
    entries = [provider(upstream.base_url, api) for api in APIS]
    return config(*entries, access={"keys": list(keys), **more})


class Client:
    """Both SDKs with one key."""

    def __init__(self, gateway: GatewayProcess, key: str = KEY, **headers: str) -> None:
        self.openai = openai.OpenAI(
            base_url=f"{gateway.base_url}/v1", api_key=key, max_retries=0, default_headers=headers
        )
        self.anthropic = anthropic.Anthropic(
            base_url=gateway.base_url, api_key=key, max_retries=0, default_headers=headers
        )

    def ask(self, api: Api, model: str | None = None) -> httpx2.Response:
        """One plain request, its HTTP response."""
        model = model or f"{api}-model"
        if api == "messages":
            told = self.anthropic.messages.with_raw_response.create(
                model=model, max_tokens=9, messages=[{"role": "user", "content": "x"}]
            )
        elif api == "responses":
            told = self.openai.responses.with_raw_response.create(model=model, input="x")
        else:
            told = self.openai.chat.completions.with_raw_response.create(
                model=model, messages=[{"role": "user", "content": "x"}]
            )
        return told.http_response

    def stream(self, api: Api, model: str) -> None:
        """One streamed request, read to its end."""
        if api == "messages":
            with self.anthropic.messages.stream(
                model=model, max_tokens=9, messages=[{"role": "user", "content": "x"}]
            ) as events:
                assert events.get_final_text() == ANSWER.text
        elif api == "responses":
            with self.openai.responses.stream(model=model, input="x") as responses:
                assert responses.get_final_response().output_text == ANSWER.text
        else:
            chunks = self.openai.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "x"}], stream=True
            )
            texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
            assert "".join(texts) == ANSWER.text


def refused(api: Api, name: str) -> type[openai.APIStatusError] | type[anthropic.APIStatusError]:
    error = getattr(anthropic if api == "messages" else openai, name)
    assert issubclass(error, openai.APIStatusError | anthropic.APIStatusError)
    return error  # type: ignore[no-any-return]
