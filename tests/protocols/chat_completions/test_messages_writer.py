"""The history, as a Chat Completions host gets it back."""

import base64
import json
from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.chat_completions.messages_writer import write_messages
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
from wsgi_gateway.protocols.translation import Translation

CACHE = {"type": "ephemeral"}
CALL = ToolCall(id="a", name="f", arguments="{}")
RESULT = ToolResult(call_id="a", parts=[Text(words="one")])


def write(task: Translation, *items: Item) -> list[dict[str, Any]]:
    for number, item in enumerate(items):
        task.loss.at(f"items[{number}]", item)
        for place, part in enumerate(getattr(item, "parts", ())):
            task.loss.at(f"items[{number}].parts[{place}]", part)
    return write_messages(Conversation(api="messages", model="m", items=list(items)), task)


def noted(task: Translation) -> list[tuple[str, str]]:
    return [(entry.path, entry.verdict) for entry in task.loss.entries]


def user(*parts: Part) -> Message:
    return Message(role="user", parts=list(parts))


def test_parts() -> None:
    task = translation()
    words = base64.b64encode("Grüße".encode()).decode()
    (message,) = write(
        task,
        user(
            Audio(data="AAAA", format="mp3"),
            Document(data="JVBE", media_type="application/pdf", filename="a.pdf"),
            Document(text="Hi", filename="n.txt"),
            Document(data=words, media_type="text/plain"),
            Document(data="!", media_type="text/plain"),
        ),
    )
    assert message["content"] == [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
        },
        {"type": "text", "text": "n.txt:\nHi"},
        {"type": "text", "text": "Grüße"},
        {
            "type": "file",
            "file": {"filename": "document.pdf", "file_data": "data:text/plain;base64,!"},
        },
    ]
    assert noted(task) == [
        ("items[0].parts[2]", "approximated"),
        ("items[0].parts[3]", "approximated"),
    ]


@pytest.mark.parametrize(
    "part", [Document(url="https://x.test/a.pdf"), Document(file_id="f"), Image(file_id="f")]
)
def test_what_chat_cannot_hold_is_refused_by_its_path(part: Part) -> None:
    with pytest.raises(ApiError) as caught:
        write(translation(), user(Text(words="Look"), part))
    assert caught.value.param == "items[0].parts[1]"


def test_breakpoints_stay_where_they_were() -> None:
    task = translation(cache_breakpoints=True)
    mark = {"mode": "explicit"}
    first, turn, result = write(
        task,
        user(Text(words="Hi", cache={**CACHE, "ttl": "1h"})),
        Message(
            role="assistant",
            parts=[Text(words="a"), Text(words="b", cache=CACHE), Text(words="c"), Text(words="d")],
        ),
        CALL,
        ToolResult(call_id="a", parts=[Text(words="one"), Text(words="two")], cache=CACHE),
    )
    (part,) = first["content"]
    assert part["prompt_cache_breakpoint"] == {**mark, "ttl": "30m"}
    assert turn["content"] == [
        {"type": "text", "text": "ab", "prompt_cache_breakpoint": mark},
        {"type": "text", "text": "cd"},
    ]
    assert result["content"] == [
        {"type": "text", "text": "one"},
        {"type": "text", "text": "two", "prompt_cache_breakpoint": mark},
    ]
    assert noted(task) == [("items[0].parts[0]", "dropped")]


def test_breakpoints_are_dropped_where_nobody_knows_them() -> None:
    task = translation()
    first, _, result = write(
        task,
        user(Text(words="Hi", cache=CACHE)),
        CALL,
        ToolResult(call_id="a", parts=[Text(words="one")], cache=CACHE),
    )
    assert (first["content"], result["content"]) == ("Hi", "one")
    assert noted(task) == [("items[0].parts[0]", "dropped"), ("items[2]", "dropped")]


def test_a_custom_call_is_one_where_the_host_has_them() -> None:
    call = ToolCall(id="a", name="patch", arguments=" say\n", custom=True)
    turn, _ = write(translation(custom_tools=True), call, RESULT)
    assert turn["tool_calls"] == [
        {"id": "a", "type": "custom", "custom": {"name": "patch", "input": " say\n"}}
    ]


def details(text: str, origin: str | None, *entries: dict[str, Any]) -> Reasoning:
    proof = Proof(kind="details", value=json.dumps(entries), origin=origin)
    return Reasoning(text=text, proof=proof)


@pytest.mark.parametrize("origin", ["prov", None])
def test_what_a_host_proved_goes_back_to_it(origin: str | None) -> None:
    task = translation()
    extra = Proof(kind="call", value='{"google":{"s":"T"}}', item_id="a", origin=origin)
    whole = Proof(kind="call", value='{"google":{"s":"U"}}', origin=origin)
    turn, _ = write(
        task,
        details("hm", origin, {"text": "hm"}),
        Reasoning(proof=extra),
        CALL,
        details("", origin, {"data": "D"}),
        Reasoning(proof=whole),
        RESULT,
    )
    assert turn["reasoning_details"] == [{"text": "hm"}, {"data": "D"}]
    assert turn["tool_calls"][0]["extra_content"] == {"google": {"s": "T"}}
    assert turn["extra_content"] == {"google": {"s": "U"}}
    assert "reasoning_content" not in turn
    assert noted(task) == []


@pytest.mark.parametrize(
    "thought",
    [
        details("hm", "other", {"text": "hm"}),
        Reasoning(proof=Proof(kind="call", value="{}", item_id="a", origin="other")),
        Reasoning(proof=Proof(kind="call", value="{}", item_id="gone", origin="prov")),
        Reasoning(proof=Proof(kind="call", value="[]", item_id="a", origin="prov")),
        Reasoning(proof=Proof(kind="details", value="no json", origin="prov")),
        Reasoning(text="hm", proof=Proof(kind="signature", value="S")),
    ],
)
def test_what_is_not_the_hosts_own_stays_here(thought: Reasoning) -> None:
    task = translation(wants_reasoning_back=True)
    turn, _ = write(task, thought, CALL, RESULT)
    assert turn.keys() == {"role", "content", "tool_calls"}
    assert turn["tool_calls"][0].keys() == {"id", "type", "function"}
    assert noted(task) == [("items[0]", "dropped")]


def test_readable_reasoning_goes_back_where_it_is_wanted() -> None:
    thoughts = [Reasoning(text="one"), details("two", "prov", {"text": "two"})]
    turn, _ = write(translation(wants_reasoning_back=True), *thoughts, CALL, RESULT)
    assert turn["reasoning_content"] == "one\n\ntwo"
    assert turn["reasoning_details"] == [{"text": "two"}]


def test_thoughts_that_led_to_nothing_are_noted() -> None:
    task = translation(wants_reasoning_back=True)
    (message,) = write(task, Reasoning(text="hm"), user(Text(words="Hi")))
    assert message == {"role": "user", "content": "Hi"}
    assert noted(task) == [("items[0]", "dropped")]


def test_an_assistants_turn() -> None:
    task = translation()
    first, _, second = write(
        task,
        Message(role="assistant", parts=[Refusal(text="no")], phase="final_answer"),
        user(Text(words="Hi")),
        CALL,
        Message(role="assistant", parts=[Text(words="late"), Image(url="https://x.test/a.png")]),
        RESULT,
    )[:3]
    assert first == {"role": "assistant", "content": None, "refusal": "no"}
    assert second["content"] == "late"
    assert noted(task) == [
        ("items[0]", "dropped"),
        ("items[3]", "approximated"),
        ("items[3].parts[1]", "approximated"),
    ]


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([CALL], "items[0]"),
        ([CALL, ToolCall(id="a", name="g", arguments="{}")], "items[1]"),
        ([CALL, ToolResult(call_id="b", parts=[])], "items[1]"),
        ([CALL, RESULT, RESULT], "items[2]"),
        (
            [
                CALL,
                Message(role="user", parts=[Text(words="Hi")]),
                RESULT,
                ToolResult(call_id="a", parts=[]),
            ],
            "items[3]",
        ),
        ([Message(role="assistant", parts=[Text(words="prefill")])], "items[0]"),
    ],
)
def test_a_history_that_no_host_accepts_is_refused_by_its_path(
    items: list[Item], param: str
) -> None:
    with pytest.raises(ApiError) as caught:
        write(translation(), *items)
    assert caught.value.param == param


def test_a_result_that_comes_later_stands_behind_its_call() -> None:
    """Responses takes a user's word, or another call, between a call and its result; Chat does not."""
    task = translation()
    other, third = (
        ToolCall(id="b", name="g", arguments="{}"),
        ToolCall(id="c", name="h", arguments="{}"),
    )
    messages = write(
        task,
        CALL,
        other,
        RESULT,
        third,
        ToolResult(call_id="c", parts=[Text(words="three")]),
        user(Text(words="Wait")),
        ToolResult(call_id="b", parts=[Text(words="two")]),
    )
    assert [(message["role"], message.get("tool_call_id")) for message in messages] == [
        ("assistant", None),
        ("tool", "a"),
        ("tool", "b"),
        ("assistant", None),
        ("tool", "c"),
        ("user", None),
    ]
    assert messages[2]["content"] == "two"
    assert noted(task) == [("items[6]", "approximated")]


def test_each_result_stays_with_its_own_turn_where_ids_are_counted_anew() -> None:
    second = ToolResult(call_id="a", parts=[Text(words="two")])
    again = ToolCall(id="a", name="f", arguments="{}")
    messages = write(translation(), CALL, user(Text(words="Wait")), RESULT, again, second)
    told = [message["content"] for message in messages]
    assert told == [None, "one", "Wait", None, "two"]
