"""The first promises: each client API streams from each kind of model, by its name or an alias.

The mock upstreams are pytest-httpserver's, the gateway runs with etc/config_mock_llm.yaml, once as
a process of its own and once as a blueprint in a foreign application. Harder cases: test_matrix.py.
"""

from __future__ import annotations

import json

import openai
import pytest
from conftest import (
    make_openai_tool_call_stream,
    setup_anthropic_mock,
    setup_error_mock,
    setup_openai_chat_mock,
    setup_responses_api_mock,
)
from pytest_httpserver import HTTPServer
from support.dialects import Clients
from support.validators import check
from werkzeug.wrappers import Request, Response

pytestmark = pytest.mark.filterwarnings("ignore:The model 'claude:DeprecationWarning")

GPT = "gpt-4o-mini"
CLAUDE = "claude-sonnet-4-20250514"
PROSE = "The quick brown fox jumps over the lazy dog"

ECHO_PARAMETERS = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def streamed_chat(clients: Clients, model: str, **more: object) -> list[str]:
    """The texts of a streamed chat completion, chunk by chunk."""
    stream = clients.openai.chat.completions.create(
        model=model, messages=[user("Hello")], max_tokens=100, stream=True, **more
    )
    texts = [chunk.choices[0].delta.content for chunk in stream]
    assert check("chat_completions", bytes(clients.recorder.body)) == "finished"
    return [text for text in texts if text]


def streamed_message(clients: Clients, model: str) -> list[str]:
    """The texts of a streamed message, delta by delta."""
    with clients.anthropic.messages.stream(
        model=model, messages=[user("Hello")], max_tokens=100
    ) as stream:
        texts = list(stream.text_stream)
        assert "".join(texts) == stream.get_final_text()
    assert check("messages", bytes(clients.recorder.body)) == "finished"
    return texts


def streamed_response(clients: Clients, model: str, **more: object) -> tuple[list[str], str]:
    """The texts of a streamed response, delta by delta, and its id."""
    stream = clients.openai.responses.create(model=model, stream=True, **{"input": "Hello", **more})
    texts: list[str] = []
    finished: list[str] = []
    for event in stream:
        if event.type == "response.output_text.delta":
            texts.append(event.delta)
        if event.type == "response.completed":
            assert event.response.output_text == "".join(texts)
            finished.append(event.response.id)
    assert check("responses", bytes(clients.recorder.body)) == "finished"
    (response_id,) = finished
    return texts, response_id


# --- OpenAI Chat Completions


def test_chat_client_streams_from_chat_model(httpserver: HTTPServer, mock_clients: Clients) -> None:
    setup_openai_chat_mock(httpserver, content=PROSE)

    texts = streamed_chat(mock_clients, GPT)

    assert "".join(texts) == PROSE
    assert len(texts) == len(PROSE.split())


def test_chat_client_gets_streamed_tool_call(httpserver: HTTPServer, mock_clients: Clients) -> None:
    def call_echo(request: Request) -> Response:
        stream = make_openai_tool_call_stream(
            model=request.json["model"], tool_name="echo_tool", tool_args='{"text":"hello"}'
        )
        return Response(stream, content_type="text/event-stream")

    httpserver.expect_request("/v1/chat/completions", "POST").respond_with_handler(call_echo)
    tool = {"type": "function", "function": {"name": "echo_tool", "parameters": ECHO_PARAMETERS}}

    with mock_clients.openai.chat.completions.stream(
        model=GPT, messages=[user("Call the echo tool")], tools=[tool]
    ) as stream:
        for _ in stream:
            pass
        (choice,) = stream.get_final_completion().choices

    (call,) = choice.message.tool_calls
    assert (call.id, call.function.name) == ("call_mock_123", "echo_tool")
    assert json.loads(call.function.arguments) == {"text": "hello"}
    assert choice.finish_reason == "tool_calls"


# --- Anthropic Messages


def test_messages_client_streams_from_messages_model(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_anthropic_mock(httpserver, content=PROSE)

    texts = streamed_message(mock_clients, CLAUDE)

    assert "".join(texts) == PROSE
    assert len(texts) == len(PROSE.split())
    assert captured[0]["model"] == CLAUDE


def test_messages_client_streams_thinking_before_text(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    setup_anthropic_mock(httpserver, content="It is 4.", thinking=True)

    with mock_clients.anthropic.messages.stream(
        model=CLAUDE,
        max_tokens=2048,
        thinking={"type": "enabled", "budget_tokens": 1024},
        messages=[user("What is 2+2?")],
    ) as stream:
        deltas = [e.delta.type for e in stream if e.type == "content_block_delta"]
        thought, said = stream.get_final_message().content

    assert deltas == sorted(deltas, key=["thinking_delta", "signature_delta", "text_delta"].index)
    assert (thought.type, said.type) == ("thinking", "text")
    assert thought.thinking
    assert thought.signature
    assert said.text == "It is 4."


# --- across the APIs


def test_chat_client_streams_from_claude_over_chat(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Cross-provider streaming works!")

    assert "".join(streamed_chat(mock_clients, CLAUDE)) == "Cross-provider streaming works!"
    assert captured[0]["model"] == CLAUDE


def test_messages_client_streams_from_chat_model(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Reverse streaming works too!")

    assert "".join(streamed_message(mock_clients, GPT)) == "Reverse streaming works too!"
    assert captured[0]["messages"] == [user("Hello")]


def test_responses_client_streams_from_claude_over_chat(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    setup_openai_chat_mock(httpserver, content="Responses streaming works!")

    texts, response_id = streamed_response(mock_clients, CLAUDE)

    assert texts == ["Responses ", "streaming ", "works!"]
    assert response_id.startswith("resp_")


def test_responses_client_translates_its_request_for_claude(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Translated!")
    tool = {"type": "function", "name": "echo_tool", "parameters": ECHO_PARAMETERS}

    texts, _ = streamed_response(
        mock_clients, CLAUDE, instructions="Be brief", tools=[tool], max_output_tokens=77
    )

    assert texts == ["Translated!"]
    (body,) = captured
    assert body["messages"][0]["content"] == "Be brief"
    assert body["messages"][-1] == user("Hello")
    assert body["tools"][0]["function"]["name"] == "echo_tool"
    assert 77 in {body.get("max_completion_tokens"), body.get("max_tokens")}


def test_responses_client_passes_through_to_openai_model(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_responses_api_mock(httpserver, content=PROSE)

    texts, response_id = streamed_response(mock_clients, GPT)
    plain = mock_clients.openai.responses.create(model=GPT, input="Hello")

    assert "".join(texts) == plain.output_text == PROSE
    assert response_id == plain.id == "resp_mock_1"
    assert [body["input"] for body in captured] == ["Hello", "Hello"]


# --- names


@pytest.mark.parametrize(
    ("name", "upstream_name"),
    [
        ("arch.summarize.v1", "gpt-5-mini-2025-08-07"),
        ("arch.v1", "o3"),
        (GPT, GPT),
        (f"openai/{GPT}", GPT),
    ],
)
def test_upstream_sees_the_bare_id(
    httpserver: HTTPServer, mock_clients: Clients, name: str, upstream_name: str
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Hello!")

    completion = mock_clients.openai.chat.completions.create(model=name, messages=[user("Hi")])
    message = mock_clients.anthropic.messages.create(
        model=name, messages=[user("Hi")], max_tokens=100
    )

    assert completion.choices[0].message.content == "Hello!"
    assert [block.text for block in message.content] == ["Hello!"]
    assert [body["model"] for body in captured] == [upstream_name, upstream_name]
    assert mock_clients.recorder.headers["x-gateway-model"] == upstream_name


def test_alias_streams(httpserver: HTTPServer, mock_clients: Clients) -> None:
    setup_openai_chat_mock(httpserver, content=PROSE)

    assert "".join(streamed_chat(mock_clients, "arch.summarize.v1")) == PROSE
    assert "".join(streamed_message(mock_clients, "arch.summarize.v1")) == PROSE


def test_request_without_model_reaches_the_default(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Hello!")

    answer = mock_clients.post("/v1/chat/completions", json.dumps({"messages": [user("Hi")]}))

    assert answer.json()["choices"][0]["message"]["content"] == "Hello!"
    assert captured[0]["model"] == "gpt-5-mini-2025-08-07"


def test_unknown_model_is_named_with_its_neighbours(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver)

    with pytest.raises(openai.NotFoundError, match="gpt-4o-mini") as failure:
        mock_clients.openai.chat.completions.create(model="gpt-4o-mimi", messages=[user("Hi")])

    assert failure.value.code == "model_not_found"
    assert captured == []


def test_error_of_the_upstream_reaches_the_client(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    setup_error_mock(httpserver, status=400)

    with pytest.raises(openai.BadRequestError, match="Mock error"):
        streamed_chat(mock_clients, GPT)


# --- conversations that the gateway remembers


def texts_of(messages: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(message["role"], message["content"]) for message in messages]


def test_second_turn_continues_the_first(httpserver: HTTPServer, mock_clients: Clients) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Nice to meet you, Alice.")
    create = mock_clients.openai.responses.create

    first = create(model=CLAUDE, input="My name is Alice.")
    second = create(model=CLAUDE, input="Who am I?", previous_response_id=first.id)

    assert second.id != first.id
    assert second.previous_response_id == first.id
    assert texts_of(captured[1]["messages"]) == [
        ("user", "My name is Alice."),
        ("assistant", "Nice to meet you, Alice."),
        ("user", "Who am I?"),
    ]


def test_streamed_turns_continue_each_other(httpserver: HTTPServer, mock_clients: Clients) -> None:
    captured = setup_openai_chat_mock(httpserver, content="You like pizza.")

    _, first = streamed_response(mock_clients, CLAUDE, input="I like pizza.")
    _, second = streamed_response(
        mock_clients, CLAUDE, input="What do I like?", previous_response_id=first
    )
    _, third = streamed_response(mock_clients, CLAUDE, input="Sure?", previous_response_id=second)

    assert len({first, second, third}) == 3
    assert texts_of(captured[2]["messages"]) == [
        ("user", "I like pizza."),
        ("assistant", "You like pizza."),
        ("user", "What do I like?"),
        ("assistant", "You like pizza."),
        ("user", "Sure?"),
    ]


def test_instructions_are_not_inherited_by_the_next_turn(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver, content="Ahoy!")
    create = mock_clients.openai.responses.create

    first = create(model=CLAUDE, input="Hello", instructions="Talk like a pirate.")
    create(model=CLAUDE, input="And now?", previous_response_id=first.id)

    assert texts_of(captured[1]["messages"]) == [
        ("user", "Hello"),
        ("assistant", "Ahoy!"),
        ("user", "And now?"),
    ]


def test_unknown_previous_response_is_refused(
    httpserver: HTTPServer, mock_clients: Clients
) -> None:
    captured = setup_openai_chat_mock(httpserver)

    with pytest.raises(openai.APIStatusError, match="resp_nobody_knows") as failure:
        mock_clients.openai.responses.create(
            model=CLAUDE, input="Hello again", previous_response_id="resp_nobody_knows"
        )

    assert failure.value.status_code in {400, 404}
    assert captured == []
