"""What of a request goes to an upstream of the same API. Not here: whole exchanges (tests/integration)."""

from __future__ import annotations

import json

import msgspec
import pytest

from wsgi_gateway.config import Provider, load_config
from wsgi_gateway.exchange import Call, Request, passed_body
from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.seal import seal
from wsgi_gateway.protocols.table import PROTOCOLS

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
        body=body,
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
