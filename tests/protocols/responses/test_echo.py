"""The fields of a response that repeat the request."""

import json
from pathlib import Path
from typing import Any

from openai.types.responses import Response

from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.echo import new_response

CODEX = json.loads((Path(__file__).parent / "codex_requests.json").read_bytes())


def echo(**body: Any) -> dict[str, Any]:
    conversation = read_request({"model": "m", "input": "hi", **body}, Loss("responses"))
    return new_response(conversation, "resp_1", 1_760_000_000)


def test_defaults() -> None:
    response = echo(tools=None, text={"format": None}, service_tier="auto")
    Response.model_validate(response, strict=True)
    assert response["tool_choice"] == "auto"
    assert response["tools"] == []
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert response["reasoning"] == {"effort": None, "summary": None}
    assert response["service_tier"] == "default"
    assert (response["store"], response["background"]) == (True, False)
    assert (response["temperature"], response["top_p"]) == (1.0, 1.0)
    assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_what_was_said_is_repeated() -> None:
    said = {
        "instructions": "Be brief.",
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "previous_response_id": "resp_0",
        "prompt_cache_key": "k",
        "safety_identifier": "u",
        "service_tier": "flex",
        "store": False,
        "temperature": 0.5,
        "tool_choice": "none",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
        "top_logprobs": 2,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    }
    response = echo(**said, reasoning={"effort": "low"}, text={"verbosity": "low"})
    assert said.items() <= response.items()
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}


def test_codex_is_echoed() -> None:
    for body in CODEX.values():
        response = echo(**body)
        assert response["tools"] == body["tools"]
        assert response["store"] is False
