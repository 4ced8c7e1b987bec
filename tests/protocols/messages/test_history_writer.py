"""Items as the turns that Messages wants (protocol digest 6.1, 6.5, 6.6; edges 37 to 45)."""

import json
from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Image,
    Message,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages.history_writer import write_history

CACHE = {"type": "ephemeral"}


def said(role: Any, *texts: str, **more: Any) -> Message:
    return Message(role=role, parts=[Text(words=text) for text in texts], **more)


def call(call_id: str = "c1", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(id=call_id, name="f", arguments=arguments, **more)


def result(call_id: str = "c1", text: str = "r", **more: Any) -> ToolResult:
    return ToolResult(call_id=call_id, parts=[Text(words=text)], **more)


def brief(block: dict[str, Any]) -> str:
    match block["type"]:
        case "text":
            return str(block["text"])
        case "tool_use":
            return f"call {block['id']}"
        case "tool_result":
            return f"result {block['tool_use_id']}"
        case kind:
            return str(kind)


def write(*items: Any, **facts: Any) -> tuple[list[str], list[tuple[str, list[str]]], list[str]]:
    """The system texts, each turn's role and blocks in brief, and what was noted."""
    task = translation("responses", **facts)
    conversation = Conversation(api="responses", model="m", items=list(items))
    system, messages = write_history(conversation, task)
    return (
        [brief(block) for block in system],
        [(turn["role"], [brief(block) for block in turn["content"]]) for turn in messages],
        [entry.note for entry in task.loss.entries],
    )


def blocks(*items: Any) -> list[dict[str, Any]]:
    """All blocks of all turns."""
    conversation = Conversation(api="responses", model="m", items=list(items))
    _, messages = write_history(conversation, translation("responses"))
    return [block for turn in json.loads(encode(messages)) for block in turn["content"]]


def refusal(*items: Any) -> str:
    with pytest.raises(ApiError) as caught:
        write(*items)
    assert caught.value.param == "input"
    return caught.value.message


def test_neighbours_of_one_role_are_one_turn() -> None:
    assert write(
        said("user", "a"),
        said("user", "b", "c"),
        said("assistant", "d"),
        said("assistant", "e"),
        said("user", "f"),
    ) == (
        [],
        [("user", ["a", "b", "c"]), ("assistant", ["d", "e"]), ("user", ["f"])],
        [],
    )


def test_blank_texts_vanish_and_their_turns_too() -> None:
    _, turns, lost = write(
        said("user", "a", " \n"), said("assistant", ""), said("user", "b"), said("user", "")
    )
    assert turns == [("user", ["a", "b"])]
    assert lost == []


def test_a_breakpoint_on_a_blank_text_moves_up() -> None:
    blank = Text(words="", cache=CACHE)
    (block,) = blocks(Message(role="user", parts=[Text(words="a"), blank]))
    assert block == {"type": "text", "text": "a", "cache_control": CACHE}


@pytest.mark.parametrize(
    "order",
    [
        ["c1", "c2", "r1", "r2", "u"],
        ["c1", "c2", "r1", "u", "r2"],
        ["c1", "c2", "u", "r1", "r2"],
    ],
)
def test_results_are_first_in_the_turn_behind_their_calls(order: list[str]) -> None:
    items = {
        "c1": call("c1"),
        "c2": call("c2"),
        "r1": result("c1"),
        "r2": result("c2"),
        "u": said("user", "x"),
    }
    _, turns, lost = write(said("user", "a"), *(items[name] for name in order))
    assert turns[1:] == [
        ("assistant", ["call c1", "call c2"]),
        ("user", ["result c1", "result c2", "x"]),
    ]
    assert lost == []


def test_the_order_of_results_is_the_clients() -> None:
    _, turns, _ = write(said("user", "a"), call("c1"), call("c2"), result("c2"), result("c1"))
    assert turns[2] == ("user", ["result c2", "result c1"])


def test_calls_in_sequence_stay_in_sequence() -> None:
    _, turns, lost = write(said("user", "a"), call("c1"), result("c1"), call("c2"), result("c2"))
    assert [blocks for _, blocks in turns[1:]] == [
        ["call c1"],
        ["result c1"],
        ["call c2"],
        ["result c2"],
    ]
    assert lost == []


def test_a_late_result_is_moved_up_and_that_is_told() -> None:
    _, turns, lost = write(
        said("user", "a"),
        call(),
        said("user", "b"),
        said("assistant", "c"),
        result(),
        said("user", "d"),
    )
    assert turns[1:] == [
        ("assistant", ["call c1"]),
        ("user", ["result c1", "b"]),
        ("assistant", ["c"]),
        ("user", ["d"]),
    ]
    assert lost == ["a tool result was moved up behind its call"]


def test_text_behind_calls_goes_before_them() -> None:
    _, turns, lost = write(
        said("user", "a"), said("assistant", "b"), call("c1"), said("assistant", "c"), result("c1")
    )
    assert turns[1] == ("assistant", ["b", "c", "call c1"])
    assert lost == ["text behind tool calls was moved before them"]


def test_broken_pairs_are_refused() -> None:
    user = said("user", "a")
    assert "'c2' has no result" in refusal(user, call("c1"), call("c2"), result("c1"))
    assert "'c1' answers no open call" in refusal(user, result("c1"))
    assert "'c1' answers no open call" in refusal(user, call(), result(), result())
    assert "two tool calls have the id 'c1'" in refusal(user, call(), call(), result())


def test_ids_used_anew_in_a_later_turn_are_made_unique() -> None:
    _, turns, _ = write(said("user", "a"), call("c"), result("c"), call("c"), result("c"))
    assert [blocks for _, blocks in turns[1:]] == [
        ["call c"],
        ["result c"],
        ["call c_2"],
        ["result c_2"],
    ]


def test_illegal_ids_and_names_get_aliases() -> None:
    task = translation()
    odd = ToolCall(id="call.1", name="do it", namespace="files", arguments="{}")
    use, answer = blocks(said("user", "a"), odd, result("call.1"))[1:]
    assert use["id"] == answer["tool_use_id"] == task.aliases.call_id("call.1")
    assert use["name"] == task.aliases.tool("do it", "files")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"n": 12345678901234567890, "x": 1.10}', '{"n": 12345678901234567890, "x": 1.10}'),
        ("", "{}"),
        ("[1]", '{"_raw":"[1]"}'),
        ('{"a": ', '{"_raw":"{\\"a\\": "}'),
        ('{"x": "\\ud83d"}', '{"_raw":"{\\"x\\": \\"\\\\ud83d\\"}"}'),
    ],
)
def test_arguments_go_verbatim_or_under_raw(arguments: str, expected: str) -> None:
    items = [said("user", "a"), call(arguments=arguments), result()]
    conversation = Conversation(api="responses", model="m", items=items)
    _, messages = write_history(conversation, translation("responses"))
    assert encode(messages[1]["content"][0]["input"]).decode() == expected


def test_a_custom_call_is_wrapped() -> None:
    use = blocks(said("user", "a"), call(arguments="free text", custom=True), result())[1]
    assert use["input"] == {"input": "free text"}


def test_contents_of_results() -> None:
    def written(*parts: Any, **more: Any) -> dict[str, Any]:
        given = ToolResult(call_id="c1", parts=list(parts), **more)
        found = blocks(said("user", "a"), call(), given)[2]
        del found["type"], found["tool_use_id"]
        return found

    image = Image(url="https://x/y.png")
    source = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    assert written(Text(words="r")) == {"content": "r"}
    assert written() == written(Text(words="")) == {}
    assert written(Text(words="r"), is_error=True, cache=CACHE) == {
        "content": "r",
        "is_error": True,
        "cache_control": CACHE,
    }
    assert written(Text(words="r"), image) == {"content": [{"type": "text", "text": "r"}, source]}
    assert written(image) == {"content": [source]}


def test_reasoning_of_this_provider_returns_and_any_other_is_dropped() -> None:
    def reasoning(kind: Any, origin: str | None) -> Reasoning:
        return Reasoning(text="Hm.", proof=Proof(kind=kind, value="P", origin=origin))

    answer = said("assistant", "b")
    kept = blocks(
        said("user", "a"), reasoning("signature", "prov"), reasoning("redacted", None), answer
    )
    assert kept[1:3] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "P"},
        {"type": "redacted_thinking", "data": "P"},
    ]
    for foreign in (
        reasoning("signature", "other"),
        reasoning("encrypted", "prov"),
        reasoning("none", "prov"),
        Reasoning(text="Hm."),
    ):
        _, turns, lost = write(said("user", "a"), foreign, foreign, answer, said("user", "c"))
        assert turns[1:2] == [("assistant", ["b"])]
        assert lost == ["earlier reasoning is not this upstream's own"]


def test_reasoning_that_led_to_nothing_is_dropped() -> None:
    thought = Reasoning(text="Hm.", proof=Proof(kind="signature", value="S"))
    _, turns, lost = write(said("user", "a"), thought, said("user", "b"))
    assert turns == [("user", ["a", "b"])]
    assert lost == ["reasoning that led to nothing"]


REMINDER = "<system-reminder>\ns\n</system-reminder>"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_later_system_message_where_the_model_takes_it(role: str) -> None:
    system, turns, lost = write(
        said(role, "0"), said("user", "a"), said(role, "s"), said(role, "t"), system_messages=True
    )
    assert system == ["0"]
    assert turns == [("user", ["a"]), ("system", ["s", "t"])]
    assert lost == []
    _, turns, lost = write(
        said("user", "a"),
        said(role, "s"),
        said("assistant", "b"),
        said("user", "c"),
        system_messages=True,
    )
    assert [role for role, _ in turns] == ["user", "system", "assistant", "user"]
    assert lost == []


def test_a_later_system_message_where_the_model_does_not_take_it() -> None:
    user, answer, system = said("user", "a"), said("assistant", "b"), said("system", "s")
    assert write(user, system, user)[1] == [("user", ["a", REMINDER, "a"])]
    assert write(user, answer, system)[1][2] == ("user", [REMINDER])
    _, turns, lost = write(user, system, answer, user)
    assert turns == [("user", ["a", REMINDER]), ("assistant", ["b"]), ("user", ["a"])]
    assert lost == ["a later system message became a reminder to the user's turn"]


@pytest.mark.parametrize(
    "items",
    [
        [said("user", "a"), said("system", "s"), said("user", "b")],
        [said("user", "a"), said("assistant", "b"), said("system", "s")],
        [said("user", "a"), said("assistant", "b"), said("system", "s"), said("assistant", "c")],
    ],
)
def test_a_system_message_in_a_wrong_place_becomes_a_reminder_everywhere(items: list[Any]) -> None:
    _, turns, _ = write(*items, system_messages=True)
    assert "system" not in [role for role, _ in turns]
    assert REMINDER in [text for _, texts in turns for text in texts]


def test_a_system_message_between_call_and_result() -> None:
    _, turns, _ = write(said("user", "a"), call(), said("system", "s"), result())
    assert turns[1:] == [("assistant", ["call c1"]), ("user", ["result c1", REMINDER])]


def test_system_messages_alone() -> None:
    system, turns, lost = write(said("system", "a"), said("system", "b"))
    assert (system, turns) == (["a"], [("user", ["b"])])
    assert lost == ["the last system message became the user's"]
    assert "nothing to answer" in refusal()


def test_the_first_turn_is_the_users() -> None:
    _, turns, lost = write(said("assistant", "b"), said("user", "c"))
    assert [role for role, _ in turns] == ["user", "assistant", "user"]
    assert lost == ["a user turn was put before the assistant's first"]


def test_a_last_assistant_message_loses_trailing_blanks() -> None:
    _, turns, lost = write(said("user", "a"), said("assistant", "b \n"))
    assert turns[1] == ("assistant", ["b"])
    assert lost == ["the upstream continues the assistant's last message"]


def test_names_refusals_and_phases() -> None:
    refused = Message(role="assistant", parts=[Refusal(text="No.")], phase="final_answer")
    _, turns, lost = write(said("user", "a", name="ann"), refused, said("user", "b"))
    assert turns == [("user", ["ann:", "a"]), ("assistant", ["No."]), ("user", ["b"])]
    assert len(lost) == 3


def test_images_belong_to_users() -> None:
    image = Image(url="https://x/y.png")
    shown = Message(role="assistant", parts=[image, Text(words="b")])
    _, turns, lost = write(said("user", "a"), shown, said("user", "c"))
    assert turns[1] == ("assistant", ["b"])
    assert lost == ["an image in an assistant turn was left out"]
    assert "must be text" in refusal(Message(role="developer", parts=[image]))


def test_a_model_that_does_not_continue_the_assistant_refuses_to() -> None:
    task = translation("responses", prefill=False)
    last = said("assistant", "b")
    task.loss.at("input[1].content[0]", last.parts[0])
    asked = Conversation(api="responses", model="m", items=[said("user", "a"), last])
    with pytest.raises(ApiError, match="does not continue") as caught:
        write_history(asked, task)
    assert caught.value.param == "input[1].content[0]"
    assert write(said("user", "a"), last, said("user", "c"), prefill=False)[2] == []


def test_thoughts_between_calls_return_as_they_were_and_where_they_were() -> None:
    first = Reasoning(text=" Hm. ", proof=Proof(kind="signature", value="S1", origin="prov"))
    second = Reasoning(text="", proof=Proof(kind="signature", value="S2", origin="prov"))
    hidden = Reasoning(proof=Proof(kind="redacted", value="D", origin="prov"))
    items = [first, call("c1"), hidden, call("c2"), result("c1"), result("c2")]
    later = [second, call("c3"), result("c3")]
    assert blocks(said("user", "a"), *items, *later)[1:] == [
        {"type": "thinking", "thinking": " Hm. ", "signature": "S1"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "c1", "content": "r"},
        {"type": "tool_result", "tool_use_id": "c2", "content": "r"},
        {"type": "thinking", "thinking": "", "signature": "S2"},
        {"type": "tool_use", "id": "c3", "name": "f", "input": {}},
        {"type": "tool_result", "tool_use_id": "c3", "content": "r"},
    ]


def test_every_note_and_refusal_names_its_item() -> None:
    task = translation("responses")
    named = said("user", "a", name="ann")
    foreign = Reasoning(proof=Proof(kind="details", value="[]", origin="host"))
    odd = call("c1", "[1]")
    later = said("system", "s")
    items = [named, foreign, odd, result("c1"), later, said("user", "b")]
    for number, item in enumerate(items):
        task.loss.at(f"input[{number}]", item)
        for at, part in enumerate(item.parts if isinstance(item, Message) else ()):
            task.loss.at(f"input[{number}].content[{at}]", part)
    write_history(Conversation(api="responses", model="m", items=items), task)
    assert [entry.path for entry in task.loss.entries] == [
        "input[0]",
        "input[1]",
        "input[2]",
        "input[4].content[0]",
    ]
    lone = task.loss.at("input[7]", call("c9"))
    with pytest.raises(ApiError) as caught:
        write_history(Conversation(api="responses", model="m", items=[*items, lone]), task)
    assert caught.value.param == "input[7]"
