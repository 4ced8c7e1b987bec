"""Tool calls in pieces: custom ones, wrapped ones, and those that a host wants something back with."""

import json
from typing import Any

import pytest
from support.chat import chat_stream
from support.events import read, told, translation

from wsgi_gateway.protocols.chat_completions import StreamReader, read_reply
from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.reply import Reply, fold
from wsgi_gateway.protocols.translation import Translation

SIZES = pytest.mark.parametrize("size", [1, 7, None])
EXTRA = {"google": {"thought_signature": "T"}}


def heard(
    *pieces: dict[str, Any], size: int | None = None, task: Translation | None = None
) -> Reply:
    """The reply whose chunks each carry one piece of a call."""
    deltas = [{"tool_calls": [piece]} for piece in pieces]
    return fold(read(StreamReader(task or translation()), chat_stream(*deltas), size))


def opening(call_id: str, name: str, arguments: str = "", **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": 0, "id": call_id, "type": "function", "function": function, **more}


@SIZES
def test_a_custom_call_in_pieces_is_one_text(size: int | None) -> None:
    reply = heard(
        {"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": ""}},
        {"index": 0, "custom": {"input": "*** Be"}},
        {"index": 0, "custom": {"input": 'gin {"x":1}'}},
        {"index": 1, "id": "b", "type": "custom", "custom": {"name": "patch", "input": "{}"}},
        size=size,
    )
    assert told(reply) == [
        ("tool_call", "a", "patch", '*** Begin {"x":1}'),
        ("tool_call", "b", "patch", "{}"),
    ]
    assert all(part.custom for part in reply.parts)


def pieces_of(arguments: list[Any]) -> list[dict[str, Any]]:
    first, *others = arguments
    more = [{"index": 0, "function": {"arguments": text}} for text in others]
    return [opening("a", "f", first), *more]


@SIZES
@pytest.mark.parametrize(
    ("arguments", "told_as"),
    [
        (["{}", '{"x":', "1", "}"], '{"x":1}'),
        (["", "{}", '{"x":', "1", "}"], '{"x":1}'),
        ([{}, '{"x":1}'], '{"x":1}'),
        (["{}", ' {"x":1}'], ' {"x":1}'),
        (["{}", ""], "{}"),
        (["{}", " "], "{} "),
        (["{}"], "{}"),
    ],
)
def test_an_empty_object_before_the_arguments_is_none_of_them(
    arguments: list[Any], told_as: str, size: int | None
) -> None:
    """Hosts in front of Anthropic's models pass on the ``input: {}`` with which these begin a call."""
    reply = heard(*pieces_of(arguments), size=size)
    assert told(reply) == [("tool_call", "a", "f", told_as)]


def test_an_empty_object_is_told_also_of_a_reply_that_was_cut() -> None:
    stream = chat_stream({"tool_calls": pieces_of(["{}"])}, finish="length")
    assert told(read(StreamReader(translation()), stream)) == [("tool_call", "a", "f", "{}")]


@SIZES
def test_what_a_host_wants_back_comes_before_its_call(size: int | None) -> None:
    reply = heard(opening("a", "f", "{}", extra_content=EXTRA), size=size)
    assert told(reply) == [("reasoning", ""), ("tool_call", "a", "f", "{}")]
    assert reply.parts[0].proof == Proof(
        kind="call", value=json.dumps(EXTRA, separators=(",", ":")), item_id="a", origin="prov"
    )


def test_what_a_host_tells_late_comes_behind_its_call() -> None:
    reply = heard(opening("a", "f"), {"index": 0, "extra_content": EXTRA})
    assert told(reply) == [("tool_call", "a", "f", "{}"), ("reasoning", "")]
    assert reply.parts[1].proof is not None and reply.parts[1].proof.item_id == "a"


def wrapped(*uses: tuple[str, str]) -> str:
    inside = ",".join(
        f'{{"recipient_name":"functions.{name}","parameters":{arguments}}}'
        for name, arguments in uses
    )
    return f'{{"tool_uses":[{inside}]}}'


WRAPPERS = pytest.mark.parametrize("name", ["parallel", "multi_tool_use.parallel"])


@WRAPPERS
@SIZES
def test_wrapped_calls_are_told_one_by_one(name: str, size: int | None) -> None:
    task = translation()
    task.aliases.tool("f")
    task.aliases.tool("a.b")
    dotted = task.aliases.tool("a.b")
    inside = wrapped(("f", '{"n": 12345678901234567890}'), (dotted, "{}"))
    reply = heard(
        opening("w", name),
        {"index": 0, "function": {"arguments": inside[:20]}},
        {"index": 0, "function": {"arguments": inside[20:]}},
        {"index": 1, "id": "c", "function": {"name": "f", "arguments": "{}"}},
        size=size,
        task=task,
    )
    assert [(part.name, part.text) for part in reply.parts] == [
        ("f", '{"n": 12345678901234567890}'),
        ("a.b", "{}"),
        ("f", "{}"),
    ]
    assert len({part.id for part in reply.parts}) == 3


@WRAPPERS
@pytest.mark.parametrize(
    "inside",
    ["{}", "[]", '{"tool_uses":[]}', '{"tool_uses":[{', wrapped(("unknown", "{}"))],
)
def test_what_wraps_nothing_known_is_a_call_as_it_is(name: str, inside: str) -> None:
    assert told(heard(opening("w", name, inside))) == [("tool_call", "w", name, inside)]


def test_a_declared_tool_of_that_name_is_the_clients() -> None:
    task = translation()
    task.aliases.tool("parallel")
    task.aliases.tool("f")
    inside = wrapped(("f", "{}"))
    assert told(heard(opening("w", "parallel", inside), task=task)) == [
        ("tool_call", "w", "parallel", inside)
    ]


@SIZES
@pytest.mark.parametrize("ids", [("a", "b"), ("", ""), (None, None)], ids=str)
def test_whole_calls_under_one_index_stay_apart(
    ids: tuple[str | None, str | None], size: int | None
) -> None:
    """Gemini's OpenAI endpoint and older Ollama give every call index 0."""
    first, second = ids
    function = {"name": "f", "arguments": '{"city": "Rome"}'}
    reply = heard(
        {"index": 0, "id": first, "type": "function", "function": function},
        {"index": 0, "id": second, "type": "function", "function": function},
        {"index": 0, "id": second, "function": {"name": "f", "arguments": ""}},
        size=size,
    )
    calls = [part for part in told(reply) if part[0] == "tool_call"]
    assert [call[2:] for call in calls] == [("f", '{"city": "Rome"}')] * 2
    assert not first or [call[1] for call in calls] == ["a", "b"]


def test_calls_of_two_tools_under_one_index_stay_apart_without_arguments() -> None:
    reply = heard(opening("a", "f"), opening("b", "g"))
    assert told(reply) == [("tool_call", "a", "f", "{}"), ("tool_call", "b", "g", "{}")]


def test_a_full_reply_s_calls_under_one_index_stay_apart() -> None:
    calls = [opening("a", "f", '{"x": 1}'), opening("b", "f", '{"x": 2}')]
    body = {"id": "c", "choices": [{"message": {"tool_calls": calls}, "finish_reason": "stop"}]}
    assert told(read_reply(body, translation())) == [
        ("tool_call", "a", "f", '{"x": 1}'),
        ("tool_call", "b", "f", '{"x": 2}'),
    ]


@SIZES
def test_a_name_or_a_new_id_in_every_piece_starts_no_call(size: int | None) -> None:
    reply = heard(
        opening("a", "f", '{"x'),
        opening("b", "f", '": {"y": '),
        opening("c", "f", "1}}"),
        opening("d", "f", ""),
        {"index": 0, "function": {"name": "f", "arguments": ""}},
        size=size,
    )
    assert told(reply) == [("tool_call", "a", "f", '{"x": {"y": 1}}')]
