"""The history as a Responses upstream gets it."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Item,
    Message,
    Part,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses import read_request, write_request
from wsgi_gateway.protocols.translation import Translation

CACHE = {"type": "ephemeral"}
USER = Message(role="user", parts=[Text(words="hi")])
CALL = ToolCall(id="c1", name="f", arguments='{"a":1}')
RESULT = ToolResult(call_id="c1", parts=[Text(words="ok")])


def write(
    *items: Item, to: Translation | None = None, api: str = "chat_completions", **more: Any
) -> Any:
    conversation = Conversation(api=api, model="asked", items=list(items), **more)
    return write_request(conversation, to or translation(api))


def written(*items: Item, to: Translation | None = None, api: str = "chat_completions") -> Any:
    return write(*items, to=to, api=api)["input"]


def system(text: str, **more: Any) -> Message:
    return Message(role="system", parts=[Text(words=text)], **more)


def test_one_plain_source_of_instructions() -> None:
    body = write(USER, instructions=[Text(words="a", cache=CACHE), Text(words="b")], api="messages")
    assert body["instructions"] == "a\n\nb"
    body = write(system("a"), USER)
    assert body["instructions"] == "a"
    assert [item["role"] for item in body["input"]] == ["user"]


@pytest.mark.parametrize(
    "items",
    [
        [system("a"), system("b"), USER],
        [system("a", name="n"), USER],
        [Message(role="system", parts=[Text(words="a", cache=CACHE)]), USER],
        [Message(role="developer", parts=[Text(words="a"), Text(words="b")]), USER],
        [USER, system("a")],
    ],
)
def test_other_system_messages_keep_their_place(items: list[Item]) -> None:
    body = write(*items)
    assert "instructions" not in body
    roles = [item["role"] for item in body["input"]]
    assert roles == [
        "system" if isinstance(item, Message) and item.role != "user" else "user" for item in items
    ]


def test_developer_is_kept_where_it_is_known() -> None:
    items = [USER, Message(role="developer", parts=[Text(words="a")])]
    assert written(*items, to=translation(openai_fields=True))[1]["role"] == "developer"


def test_messages() -> None:
    to = translation()
    items = written(
        Message(role="user", parts=[Text(words="hi"), Text(words="")], name="Ann"),
        Message(role="assistant", parts=[Text(words="a")], phase="commentary"),
        Message(role="assistant", parts=[Text(words="a"), Refusal(text="no"), Image(url="x")]),
        Message(role="assistant", parts=[Text(words="")]),
        Message(role="user", parts=[]),
        to=to,
    )
    assert items == [
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Ann: "},
                {"type": "input_text", "text": "hi"},
            ],
        },
        {"type": "message", "role": "assistant", "content": "a", "phase": "commentary"},
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a"},
                {"type": "refusal", "refusal": "no"},
            ],
        },
    ]
    assert len(to.loss.entries) == 2


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Text(words="a"), {"type": "input_text", "text": "a"}),
        (
            Image(url="https://x.test/a.png"),
            {"type": "input_image", "detail": "auto", "image_url": "https://x.test/a.png"},
        ),
        (
            Image(data="QQ==", media_type="image/png", detail="low"),
            {"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,QQ=="},
        ),
        (
            Image(file_id="file_1"),
            {"type": "input_image", "detail": "auto", "file_id": "file_1"},
        ),
        (
            Document(data="QQ==", media_type="application/pdf"),
            {
                "type": "input_file",
                "filename": "document.pdf",
                "file_data": "data:application/pdf;base64,QQ==",
            },
        ),
        (
            Document(url="https://x.test/a.pdf"),
            {"type": "input_file", "file_url": "https://x.test/a.pdf"},
        ),
        (Document(file_id="file_1"), {"type": "input_file", "file_id": "file_1"}),
        (
            Document(text="body", filename="a.txt"),
            {"type": "input_text", "text": "a.txt:\nbody"},
        ),
    ],
)
def test_parts(part: Part, expected: dict[str, str]) -> None:
    (item,) = written(Message(role="user", parts=[part]), to=translation(openai_fields=True))
    assert item["content"] == [expected]


@pytest.mark.parametrize("part", [Image(file_id="file_1"), Document(file_id="file_1")])
def test_a_file_id_means_nothing_to_another_host(part: Part) -> None:
    to = translation(openai_fields=False)
    to.loss.at("messages[0].content[0]", part)
    with pytest.raises(ApiError) as caught:
        written(Message(role="user", parts=[part]), to=to)
    assert caught.value.param == "messages[0].content[0]"


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("others", [[], [Message(role="user", parts=[Text(words="")])]])
def test_instructions_without_anything_else_are_the_input(role: Any, others: list[Item]) -> None:
    to = translation(openai_fields=True)
    body = write(Message(role=role, parts=[Text(words="a")]), *others, to=to)
    content = [{"type": "input_text", "text": "a"}]
    assert body["input"] == [{"type": "message", "role": role, "content": content}]
    assert "instructions" not in body
    assert to.loss.entries == []


def test_instructions_of_messages_without_anything_else_are_the_input() -> None:
    body = write(instructions=[Text(words="a"), Text(words="b")], api="messages")
    assert [part["text"] for part in body["input"][0]["content"]] == ["a", "b"]
    assert "instructions" not in body


def test_where_nothing_is_said_there_is_nothing_to_answer() -> None:
    for items in ([], [Message(role="user", parts=[Text(words="")])], [system("")]):
        with pytest.raises(ApiError) as caught:
            written(*items)
        assert caught.value.param == "messages"


def test_what_was_put_before_a_text_stands_where_the_text_does() -> None:
    to = translation("messages")
    text = to.loss.at("messages[1].content[0].content[0]", Text(words="no", cache=CACHE))
    named = to.loss.at("messages[0]", Message(role="user", parts=[Text(words="hi")], name="Ann"))
    result = to.loss.at("x", ToolResult(call_id="c1", parts=[text], is_error=True))
    written(named, CALL, result, to=to, api="messages")
    assert [entry.path for entry in to.loss.entries] == [
        "messages[0]",
        "x",
        "messages[1].content[0].content[0]",
    ]


def test_calls_and_results() -> None:
    to = translation("messages")
    long_id = "toolu.with.dots" + "x" * 80
    items = written(
        USER,
        CALL,
        ToolCall(id=long_id, name="g", arguments="", namespace="ns"),
        ToolCall(id="c3", name="p", arguments="raw", custom=True),
        ToolResult(call_id="c1", parts=[Text(words="boom")], is_error=True),
        ToolResult(call_id=long_id, parts=[Text(words="see"), Image(url="u")], is_error=True),
        ToolResult(call_id="c3", parts=[], cache=CACHE),
        to=to,
        api="messages",
    )[1:]
    alias = items[1]["call_id"]
    assert len(alias) <= 64 and to.aliases.restore_call_id(alias) == long_id
    image = {"type": "input_image", "detail": "auto", "image_url": "u"}
    assert items == [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": alias, "name": "ns__g", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c3", "name": "p", "input": "raw"},
        {"type": "function_call_output", "call_id": "c1", "output": "Error: boom"},
        {
            "type": "function_call_output",
            "call_id": alias,
            "output": [{"type": "input_text", "text": "Error: see"}, image],
        },
        {"type": "custom_tool_call_output", "call_id": "c3", "output": ""},
    ]


@pytest.mark.parametrize(
    "items",
    [
        [USER, RESULT],
        [USER, CALL],
        [USER, CALL, CALL, RESULT],
        [USER, CALL, RESULT, RESULT],
    ],
    ids=["no call", "no result", "two calls", "two results"],
)
def test_calls_and_results_must_pair_up(items: list[Item]) -> None:
    with pytest.raises(ApiError) as caught:
        written(*items)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", "messages")


MARK = {"prompt_cache_breakpoint": {"mode": "explicit"}}


def test_breakpoints_keep_their_places_where_they_are_known() -> None:
    to = translation("messages", cache_breakpoints=True)
    hour = Text(words="b", cache={"type": "ephemeral", "ttl": "1h"})
    body = write(
        Message(role="user", parts=[Text(words="a"), to.loss.at("here", hour)]),
        CALL,
        ToolCall(id="c2", name="f", arguments="{}"),
        ToolResult(call_id="c1", parts=[Text(words="ok")], cache=CACHE),
        ToolResult(call_id="c2", parts=[Text(words="x"), Image(url="u", cache=CACHE)]),
        instructions=[Text(words="s", cache=CACHE), Text(words="t")],
        api="messages",
        to=to,
    )
    assert "instructions" not in body
    system, user, _, _, first, second = body["input"]
    assert system["role"] == "system"
    assert system["content"] == [
        {"type": "input_text", "text": "s", **MARK},
        {"type": "input_text", "text": "t"},
    ]
    assert user["content"] == [
        {"type": "input_text", "text": "a"},
        {
            "type": "input_text",
            "text": "b",
            "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"},
        },
    ]
    assert first["output"] == [{"type": "input_text", "text": "ok", **MARK}]
    assert second["output"][1]["prompt_cache_breakpoint"] == {"mode": "explicit"}
    assert [(entry.path, entry.verdict) for entry in to.loss.entries] == [("here", "dropped")]


def test_breakpoints_that_nobody_knows_are_noted_in_their_places() -> None:
    to = translation("messages")
    text = to.loss.at("messages[0].content[0]", Text(words="a", cache=CACHE))
    result = ToolResult(call_id="c1", parts=[Text(words="ok")], cache=CACHE)
    system = to.loss.at("system[0]", Text(words="s", cache=CACHE))
    body = write(
        Message(role="user", parts=[text]),
        CALL,
        to.loss.at("messages[2].content[0]", result),
        instructions=[system],
        api="messages",
        to=to,
    )
    assert "prompt_cache_breakpoint" not in str(body)
    assert [(entry.path, entry.verdict) for entry in to.loss.entries] == [
        ("messages[0].content[0]", "dropped"),
        ("messages[2].content[0]", "dropped"),
        ("system[0]", "dropped"),
    ]


def test_sound_is_refused_by_its_place() -> None:
    to = translation()
    sound = to.loss.at("messages[0].content[1]", Audio(data="QQ==", format="wav"))
    for items in (
        [Message(role="user", parts=[Text(words="a"), sound])],
        [USER, CALL, ToolResult(call_id="c1", parts=[sound])],
    ):
        with pytest.raises(ApiError) as caught:
            written(*items, to=to)
        assert caught.value.param == "messages[0].content[1]"


def test_what_is_refused_or_changed_names_its_place() -> None:
    to = translation("messages")
    call = to.loss.at("messages[1].content[0]", CALL)
    result = to.loss.at("messages[2].content[0]", RESULT)
    error = to.loss.at("x", ToolResult(call_id="c1", parts=[], is_error=True))
    written(USER, call, error, to=to, api="messages")
    assert [entry.path for entry in to.loss.entries] == ["x"]
    prefill = to.loss.at("messages[1]", Message(role="assistant", parts=[Text(words="It")]))
    refused: list[tuple[list[Item], str]] = [
        ([USER, call], "messages[1].content[0]"),
        ([USER, result], "messages[2].content[0]"),
        ([USER, prefill], "messages[1]"),
    ]
    for items, path in refused:
        with pytest.raises(ApiError) as caught:
            written(*items, to=to, api="messages")
        assert caught.value.param == path


@pytest.mark.parametrize("kind", ["call", "details", "redacted", "none"])
def test_proofs_of_other_apis_are_not_responses(kind: Any) -> None:
    to = translation("messages")
    thought = Reasoning(text="x", proof=Proof(kind=kind, value="v", origin="prov"))
    items = written(USER, thought, CALL, RESULT, to=to, api="messages")
    assert [item["type"] for item in items] == ["message", "function_call", "function_call_output"]
    assert [entry.path for entry in to.loss.entries] == ["messages"]


def test_a_host_that_wants_its_words_back_gets_them() -> None:
    to = translation("messages", wants_reasoning_back=True)
    thought = Reasoning(text="why", proof=Proof(kind="none", origin="prov"))
    items = written(USER, thought, CALL, RESULT, to=to, api="messages")
    words = {"type": "reasoning_text", "text": "why"}
    assert items[1] == {"type": "reasoning", "summary": [], "content": [words]}
    assert to.loss.entries == []


def test_only_its_own_reasoning_goes_back() -> None:
    to = translation("messages")
    own = Proof(kind="encrypted", value="E", item_id="rs_1", origin="prov")
    items = written(
        USER,
        Reasoning(text="why", proof=own),
        Reasoning(proof=Proof(kind="encrypted", value="F")),
        Reasoning(text="x", proof=Proof(kind="encrypted", value="G", origin="other")),
        Reasoning(text="x", proof=Proof(kind="signature", value="S")),
        Reasoning(text="x", proof=Proof(kind="none")),
        CALL,
        RESULT,
        Reasoning(text="leads nowhere", proof=own),
        USER,
        to=to,
        api="messages",
    )
    assert [item for item in items if item["type"] == "reasoning"] == [
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "why"}],
            "encrypted_content": "E",
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "F"},
    ]
    assert [entry.verdict for entry in to.loss.entries] == ["dropped"]


def test_a_prefill_cannot_be_continued() -> None:
    items = [USER, Message(role="assistant", parts=[Text(words="It is")])]
    with pytest.raises(ApiError):
        written(*items, api="messages")
    assert written(*items)[-1]["content"] == "It is"


def test_what_is_written_can_be_read() -> None:
    items: list[Item] = [
        USER,
        Reasoning(text="why", proof=Proof(kind="encrypted", value="E", item_id="rs_1")),
        Message(role="assistant", parts=[Text(words="a"), Refusal(text="no")]),
        CALL,
        ToolResult(call_id="c1", parts=[Text(words="see"), Image(url="u", detail="auto")]),
        Message(role="user", parts=[Document(data="QQ==", media_type="text/plain", filename="a")]),
    ]
    to = translation("messages")
    assert read_request(write(*items, to=to, api="messages"), to.loss).items == items


def test_ids_that_a_host_counts_anew_each_turn_are_told_apart() -> None:
    """A history whose first turns came from another model: Responses knows calls by their ids alone."""
    other = ToolResult(call_id=CALL.id, parts=[Text(words="two")])
    items = written(USER, CALL, RESULT, CALL, other, CALL, RESULT)[1:]
    ids = [item["call_id"] for item in items]
    assert ids == ["c1", "c1", "c1_2", "c1_2", "c1_3", "c1_3"]
    assert items[3]["output"] == "two"


def test_an_id_that_was_told_apart_is_not_too_long() -> None:
    call = ToolCall(id="x" * 64, name="f", arguments="{}")
    result = ToolResult(call_id=call.id, parts=[Text(words="one")])
    first, _, second, answer = written(USER, call, result, call, result)[1:]
    assert first["call_id"] == call.id
    assert second["call_id"] == answer["call_id"] != call.id
    assert len(second["call_id"]) <= 64
