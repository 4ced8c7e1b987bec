"""The fields of a response that repeat the request."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.open_responses import check_response

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.responses.echo import new_response

CODEX = json.loads((Path(__file__).parent / "codex_requests.json").read_bytes())
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def echo(**body: Any) -> dict[str, Any]:
    conversation = read_request({"model": "m", "input": "hi", **body}, Loss("responses"))
    response = new_response(conversation, "resp_1", 1_760_000_000)
    check_response(response)
    return response


def test_defaults() -> None:
    response = echo(tools=None, text={"format": None}, service_tier="auto")
    assert response["tool_choice"] == "auto"
    assert response["tools"] == []
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert response["reasoning"] == {"effort": None, "summary": None}
    assert response["service_tier"] == "default"
    assert (response["store"], response["background"]) == (True, False)
    assert (response["temperature"], response["top_p"]) == (1.0, 1.0)
    assert (response["presence_penalty"], response["frequency_penalty"]) == (0.0, 0.0)
    assert (response["status"], response["output"], response["usage"]) == ("in_progress", [], None)


def test_what_was_said_is_repeated() -> None:
    tool = {"type": "function", "name": "f", "parameters": {}, "strict": True, "description": "d"}
    said = {
        "frequency_penalty": 0.25,
        "instructions": "Be brief.",
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "presence_penalty": 0.5,
        "previous_response_id": "resp_0",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "safety_identifier": "u",
        "service_tier": "flex",
        "store": False,
        "temperature": 0.5,
        "tool_choice": "none",
        "tools": [tool, {"type": "custom", "name": "patch"}],
        "top_logprobs": 2,
        "top_p": 0.5,
        "truncation": "auto",
        "user": "u",
    }
    response = echo(**said, reasoning={"effort": "low"}, text={"verbosity": "low"})
    assert said.items() <= response.items()
    assert response["reasoning"] == {"effort": "low", "summary": None}
    assert response["text"] == {"format": {"type": "text"}, "verbosity": "low"}


def test_a_tool_has_all_the_fields_of_a_function() -> None:
    response = echo(tools=[{"type": "function", "name": "f"}])
    (tool,) = response["tools"]
    assert tool == {
        "type": "function",
        "name": "f",
        "description": None,
        "parameters": None,
        "strict": None,
    }


@pytest.mark.parametrize(
    "choice",
    [
        {"type": "function", "name": "f"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    ],
)
def test_a_choice_of_tools_is_repeated(choice: dict[str, Any]) -> None:
    response = echo(tools=[{"type": "function", "name": "f"}], tool_choice=choice)
    assert response["tool_choice"] == choice


def test_allowed_tools_have_a_mode() -> None:
    choice = {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]}
    response = echo(tools=[{"type": "function", "name": "f"}], tool_choice=choice)
    assert response["tool_choice"] == {"mode": "auto", **choice}


def test_a_format_has_all_its_fields() -> None:
    response = echo(text={"format": {"type": "json_schema", "name": "w", "schema": SCHEMA}})
    assert response["text"] == {
        "format": {
            "type": "json_schema",
            "name": "w",
            "description": None,
            "schema": SCHEMA,
            "strict": False,
        },
        "verbosity": "medium",
    }


def test_caching_has_all_its_options() -> None:
    response = echo(prompt_cache_options={"ttl": "12h"})
    assert response["prompt_cache_options"] == {"mode": "implicit", "ttl": "12h"}


@pytest.mark.parametrize("given", ["conv_1", {"id": "conv_1"}])
def test_a_conversation_is_an_object(given: Any) -> None:
    asked = Conversation(api="responses", model="m", body={"conversation": given})
    response = new_response(asked, "resp_1", 1_760_000_000)
    check_response(response)
    assert response["conversation"] == {"id": "conv_1"}


def test_what_one_request_said_is_not_told_to_another() -> None:
    echo(metadata={"a": "b"}, text={"verbosity": "low"}, tools=[{"type": "function", "name": "f"}])
    assert (echo()["metadata"], echo()["tools"]) == ({}, [])


def test_codex_is_echoed() -> None:
    for body in CODEX.values():
        response = echo(**body)
        assert response["tools"] == body["tools"]
        assert response["store"] is False
