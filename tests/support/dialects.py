"""Clients: the official SDKs, asked in one way and understood in one way.

Here: for each client API how an `Ask` is sent, plainly or through the SDK's own stream accumulator,
and what came back as a `Got`; the raw bytes of the exchange are recorded beside it. Not here: what
was asked (asks.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anthropic
import httpx2
import openai
from support.asks import WRITERS, Ask, canonical
from support.open_responses import check_response
from support.planted import CLIENT_KEY
from support.streams import Answer, Api, Json, ToolCall, Usage
from support.validators import check

PATHS: dict[Api, str] = {
    "chat_completions": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}

FAILURES = (openai.APIError, anthropic.APIError, RuntimeError)
"""How SDKs report an error within a stream; RuntimeError is openai's for a response that never
completed.
"""


@dataclass(frozen=True)
class Got:
    """What a client made of a reply."""

    text: str
    thinking: str
    tool_calls: tuple[ToolCall, ...]
    finish: str
    """"stop", "tool_calls" or "length"."""
    usage: Usage
    model: str


def expected(answer: Answer, model: str | None = None) -> Got:
    """What any client should make of an answer; `model` where another than the answer's is told."""
    finish = "length" if answer.at_limit else "tool_calls" if answer.tool_calls else "stop"
    calls = tuple(ToolCall(c.id, c.name, canonical(c.arguments)) for c in answer.tool_calls)
    return Got(answer.text, answer.thinking, calls, finish, answer.usage, model or answer.model)


class _Tee(httpx2.SyncByteStream):
    """``judge`` looks at what came, if it came to its end."""

    def __init__(self, source: Any, into: bytearray, judge: Callable[[bytes], object]) -> None:
        self._source = source
        self._into = into
        self._judge = judge

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._source:
            self._into.extend(piece)
            yield piece
        self._judge(bytes(self._into))

    def close(self) -> None:
        self._source.close()


class Recorder(httpx2.HTTPTransport):
    """Transport of an SDK that keeps the newest exchange's bytes as they came.

    Every event stream and every response object that the gateway wrote is judged when it ends. What passed through, of
    a provider with only the client's API, is its upstream's own, oddities included.
    """

    def __init__(self) -> None:
        super().__init__(verify=False)
        self.body = bytearray()
        self.headers = httpx2.Headers()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        self.body = bytearray()
        self.headers = response.headers
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Tee(response.stream, self.body, self._judge_of(request, response)),
            extensions=response.extensions,
        )

    def _judge_of(
        self, request: httpx2.Request, response: httpx2.Response
    ) -> Callable[[bytes], object]:
        api = next((api for api, path in PATHS.items() if request.url.path == path), None)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        passed = response.headers.get("x-gateway-provider") == f"only-{api}"
        if api is None or passed:
            return bytes
        if not is_stream:
            is_response = api == "responses" and response.status_code == 200
            return (lambda body: check_response(json.loads(body))) if is_response else bytes
        options = json.loads(request.read()).get("stream_options") or {}
        return partial(check, api, usage_asked=bool(options.get("include_usage")))


class Clients:
    """Both SDKs pointed at one gateway, without retries."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.recorder = Recorder()
        self.http = http = httpx2.Client(transport=self.recorder, timeout=60)
        # Any: bodies are written here as plain dicts, which the SDKs' types do not foresee
        self.openai: Any = openai.OpenAI(
            api_key=CLIENT_KEY, base_url=f"{base_url}/v1", max_retries=0, http_client=http
        )
        self.anthropic: Any = anthropic.Anthropic(
            api_key=CLIENT_KEY, base_url=base_url, max_retries=0, http_client=http
        )

    def ask(self, api: Api, model: str, ask: Ask, *, stream: bool) -> Got:
        """Sends an ask through the SDK method of that API and returns what it accumulated."""
        body = {"model": model, **WRITERS[api](ask)}
        return _ASK[api](self, body, stream)

    def raw(self, api: Api, model: str, ask: Ask, **more: Any) -> httpx2.Response:
        """Posts the body without any SDK and reads the reply to its end, or to where it breaks."""
        return self.post(PATHS[api], json.dumps({"model": model, **WRITERS[api](ask), **more}))

    def open(self, api: Api, model: str, ask: Ask) -> AbstractContextManager[httpx2.Response]:
        """Starts a streamed exchange without any SDK, to be read as it comes."""
        body = {"model": model, **WRITERS[api](ask), "stream": True}
        headers = {"authorization": f"Bearer {CLIENT_KEY}"}
        url = self.base_url + PATHS[api]
        return self.http.stream("POST", url, json=body, headers=headers, timeout=60)

    def post(self, path: str, body: str | bytes, **headers: str) -> httpx2.Response:
        """Posts bytes as JSON with the client's key."""
        given = {"content-type": "application/json", "authorization": f"Bearer {CLIENT_KEY}"}
        return self.http.post(self.base_url + path, content=body, headers={**given, **headers})


# --- Chat Completions


def _ask_chat_completions(clients: Clients, body: Json, stream: bool) -> Got:
    api = clients.openai.chat.completions
    if not stream:
        return read_completion(api.create(**body).to_dict())
    with api.stream(**body, stream_options={"include_usage": True}) as events:
        try:
            return read_completion(events.get_final_completion().to_dict())
        except openai.LengthFinishReasonError as cut_short:
            return read_completion(cut_short.completion.to_dict())


def read_completion(completion: Json) -> Got:
    (choice,) = completion["choices"]
    message = choice["message"]
    assert message["role"] == "assistant", message
    usage = completion["usage"]
    written = usage["prompt_tokens_details"].get("cache_write_tokens", 0)
    return Got(
        message["content"] or "",
        message.get("reasoning_content") or "",
        tuple(
            ToolCall(call["id"], call["function"]["name"], canonical(call["function"]["arguments"]))
            for call in message.get("tool_calls") or []
        ),
        choice["finish_reason"],
        Usage(
            usage["prompt_tokens"],
            usage["prompt_tokens_details"]["cached_tokens"],
            written,
            usage["completion_tokens"],
            usage["completion_tokens_details"]["reasoning_tokens"],
        ),
        completion["model"],
    )


# --- Messages


def _ask_messages(clients: Clients, body: Json, stream: bool) -> Got:
    api = clients.anthropic.messages
    if not stream:
        return read_message(api.create(**body).to_dict())
    with api.stream(**body) as events:
        text = "".join(events.text_stream)
        got = read_message(events.get_final_message().to_dict())
        assert got.text == text
        return got


def read_message(message: dict[str, Any]) -> Got:
    blocks = message["content"]
    usage = message["usage"]
    cached = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    thinking = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    names = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}
    return Got(
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        tuple(
            ToolCall(block["id"], block["name"], canonical(json.dumps(block["input"])))
            for block in blocks
            if block["type"] == "tool_use"
        ),
        names[message["stop_reason"]],
        Usage(
            usage["input_tokens"] + cached + written,
            cached,
            written,
            usage["output_tokens"],
            thinking,
        ),
        message["model"],
    )


# --- Responses


def _ask_responses(clients: Clients, body: Json, stream: bool) -> Got:
    api = clients.openai.responses
    if not stream:
        return read_response(api.create(**body).to_dict())
    with api.stream(**body) as events:
        cut_short = [event.response for event in events if event.type == "response.incomplete"]
        if cut_short:
            return read_response(cut_short[0].to_dict())
        return read_response(events.get_final_response().to_dict())


def read_response(response: dict[str, Any]) -> Got:
    output = response["output"]
    calls = tuple(
        ToolCall(item["call_id"], item["name"], canonical(item["arguments"]))
        for item in output
        if item["type"] == "function_call"
    )
    texts = [p["text"] for item in output if item["type"] == "message" for p in item["content"]]
    thoughts = [
        p["text"] for item in output if item["type"] == "reasoning" for p in item["summary"]
    ]
    finish = "tool_calls" if calls else "stop"
    if response["status"] == "incomplete":
        assert response["incomplete_details"]["reason"] == "max_output_tokens", response
        finish = "length"
    usage = response["usage"]
    return Got(
        "".join(texts),
        "".join(thoughts),
        calls,
        finish,
        Usage(
            usage["input_tokens"],
            usage["input_tokens_details"]["cached_tokens"],
            usage["input_tokens_details"].get("cache_write_tokens", 0),
            usage["output_tokens"],
            usage["output_tokens_details"]["reasoning_tokens"],
        ),
        response["model"],
    )


_ASK: dict[Api, Callable[[Clients, Json, bool], Got]] = {
    "chat_completions": _ask_chat_completions,
    "messages": _ask_messages,
    "responses": _ask_responses,
}
