"""The history of a Messages request, block by block."""

from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
    Item,
    Message,
    Proof,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import read_request
from wsgi_gateway.protocols.messages.history_writer import write_history
from wsgi_gateway.protocols.seal import seal

CACHE = {"type": "ephemeral", "ttl": "1h"}


def read(*turns: tuple[str, Any]) -> tuple[list[Item], list[str]]:
    messages = [{"role": role, "content": content} for role, content in turns]
    loss = Loss("messages")
    conversation = read_request({"model": "m", "max_tokens": 9, "messages": messages}, loss)
    return conversation.items, [entry.note for entry in loss.entries]


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[list[Any], list[str]]:
    (item,), lost = read((role, list(blocks)))
    assert isinstance(item, Message)
    return item.parts, lost


def refusal(role: str, *blocks: dict[str, Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read((role, list(blocks)))
    return caught.value


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def result(call_id: str, content: Any = None, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def test_turns_of_every_role_keep_their_order() -> None:
    items, lost = read(
        ("user", "a"),
        ("user", [text("b"), text("c", cache_control=CACHE)]),
        ("system", "d"),
        ("assistant", "e"),
        ("system", [text("f")]),
    )
    assert items == [
        Message(role="user", parts=[Text(words="a")]),
        Message(role="user", parts=[Text(words="b"), Text(words="c", cache=CACHE)]),
        Message(role="system", parts=[Text(words="d")]),
        Message(role="assistant", parts=[Text(words="e")]),
        Message(role="system", parts=[Text(words="f")]),
    ]
    assert lost == []


def test_an_assistant_turn_keeps_the_order_of_its_blocks() -> None:
    items, _ = read(
        (
            "assistant",
            [
                {"type": "thinking", "thinking": "Hm.", "signature": "S"},
                {"type": "redacted_thinking", "data": "D"},
                text("a"),
                text("b"),
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 2**70, "a": 0.1}},
                {"type": "thinking", "thinking": "Oh.", "signature": ""},
                {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
            ],
        ),
        ("user", [result("t1"), result("t2")]),
    )
    assert items[:6] == [
        Reasoning(text="Hm.", proof=Proof(kind="signature", value="S")),
        Reasoning(proof=Proof(kind="redacted", value="D")),
        Message(role="assistant", parts=[Text(words="a"), Text(words="b")]),
        ToolCall(id="t1", name="f", arguments=f'{{"n":{2**70},"a":0.1}}'),
        Reasoning(text="Oh.", proof=Proof(kind="none")),
        ToolCall(id="t2", name="g", arguments="{}"),
    ]


def test_sealed_proofs_are_opened_and_damaged_ones_are_none() -> None:
    proof = Proof(kind="encrypted", value="gAAA", item_id="rs_1", origin="openai")
    items, _ = read(
        (
            "assistant",
            [
                {"type": "thinking", "thinking": "Hm.", "signature": seal(proof)},
                {"type": "redacted_thinking", "data": seal(proof)},
                {"type": "thinking", "thinking": "Oh.", "signature": seal(proof)[:-9]},
            ],
        )
    )
    assert items == [
        Reasoning(text="Hm.", proof=proof),
        Reasoning(proof=proof),
        Reasoning(text="Oh.", proof=Proof(kind="none")),
    ]


def test_a_proof_behind_or_between_calls_stays_there() -> None:
    """As the gateway gives it to the clients of hosts that keep their proofs at the calls."""
    proofs = [Proof(kind="call", value="{}", item_id=f"t{n}", origin="host") for n in range(2)]
    blocks: list[dict[str, Any]] = []
    for number, proof in enumerate(proofs):
        call = {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {}}
        blocks += [call, {"type": "redacted_thinking", "data": seal(proof)}]
    items, lost = read(
        ("user", "a"), ("assistant", blocks), ("user", [result("t0", "x"), result("t1", "y")])
    )
    assert items[1:5] == [
        ToolCall(id="t0", name="f", arguments="{}"),
        Reasoning(proof=proofs[0]),
        ToolCall(id="t1", name="f", arguments="{}"),
        Reasoning(proof=proofs[1]),
    ]
    assert lost == []
    conversation = Conversation(api="messages", model="m", items=items)
    _, messages = write_history(conversation, translation("messages"))
    assert [[block["type"] for block in message["content"]] for message in messages] == [
        ["text"],
        ["tool_use", "tool_use"],
        ["tool_result", "tool_result"],
    ]


def test_results_come_first_of_a_run_of_user_turns() -> None:
    items, _ = read(
        ("user", [text("a"), result("t1", "one")]),
        ("user", [result("t2", [text("two")], is_error=True, cache_control=CACHE), text("b")]),
    )
    assert items == [
        ToolResult(call_id="t1", parts=[Text(words="one")]),
        ToolResult(call_id="t2", parts=[Text(words="two")], is_error=True, cache=CACHE),
        Message(role="user", parts=[Text(words="a")]),
        Message(role="user", parts=[Text(words="b")]),
    ]


def test_results_of_every_content() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    found = {
        "type": "search_result",
        "source": "https://x",
        "title": "X",
        "content": [text("one"), text("two")],
    }
    (item,), lost = read(
        (
            "user",
            [result("t", [text("a"), image, found, {"type": "tool_reference", "tool_name": "f"}])],
        )
    )
    assert isinstance(item, ToolResult)
    assert item.parts == [
        Text(words="a"),
        Image(url="https://x/y.png"),
        Text(words="X\nhttps://x\n\none\ntwo"),
        Text(words="[tool: f]"),
    ]
    assert lost == ["a search result became text", "a tool reference became text"]
    assert read(("user", [result("t")]))[0] == [ToolResult(call_id="t", parts=[])]


def test_images_and_documents() -> None:
    def block(kind: str, **source: Any) -> dict[str, Any]:
        return {"type": kind, "source": source, "cache_control": CACHE}

    read_parts, lost = parts(
        block("image", type="base64", media_type="image/png", data="iVBO"),
        {
            **block("document", type="base64", media_type="application/pdf", data="JVBE"),
            "title": "T",
        },
        block("document", type="url", url="https://x/y.pdf"),
        block("document", type="text", media_type="text/plain", data="words"),
    )
    assert read_parts == [
        Image(data="iVBO", media_type="image/png", cache=CACHE),
        Document(data="JVBE", media_type="application/pdf", filename="T", cache=CACHE),
        Document(url="https://x/y.pdf", cache=CACHE),
        Document(text="words", cache=CACHE),
    ]
    assert lost == []


def test_what_documents_say_beyond_their_source() -> None:
    source = {
        "type": "content",
        "content": [text("a"), {"type": "image", "source": {"type": "url", "url": "u"}}],
    }
    read_parts, lost = parts(
        {
            "type": "document",
            "source": source,
            "title": "T",
            "context": "C",
            "citations": {"enabled": True},
        }
    )
    assert read_parts == [Text(words="C"), Text(words="T"), Text(words="a"), Image(url="u")]
    assert len(lost) == 3


def test_anthropics_own_tools_in_the_history_become_text() -> None:
    read_parts, lost = parts(
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {
            "type": "web_search_tool_result",
            "tool_use_id": "s",
            "content": [{"url": "https://x", "title": "X", "encrypted_content": "E"}],
        },
        text("So."),
        role="assistant",
    )
    assert read_parts == [
        Text(words='[web_search was called: {"query":"x"}]'),
        Text(words='[web_search gave: [{"url":"https://x","title":"X"}]]'),
        Text(words="So."),
    ]
    assert lost == ["calls and results of Anthropic's own tools became text"] * 2


FILE = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
BY_CODE = {"type": "code_execution_20250825", "tool_id": "s"}


def test_a_call_of_the_models_own_is_an_ordinary_one() -> None:
    called, lost = read(
        ("assistant", [{**CALL, "caller": {"type": "direct"}, "toolset_name": None}])
    )
    assert (called, lost) == read(("assistant", [CALL]))
    assert lost == []


@pytest.mark.parametrize(
    ("role", "block", "param"),
    [
        ("user", FILE, "messages[0].content[1].source"),
        ("user", {**FILE, "type": "document"}, "messages[0].content[1].source"),
        ("user", result("t", [FILE]), "messages[0].content[1].content[0].source"),
        ("user", {"type": "container_upload", "file_id": "f"}, "messages[0].content[1]"),
        ("user", {"type": "thinking", "thinking": "x"}, "messages[0].content[1]"),
        ("assistant", result("t"), "messages[0].content[1]"),
        ("system", {"type": "redacted_thinking", "data": "x"}, "messages[0].content[1]"),
        ("assistant", {**CALL, "caller": BY_CODE}, "messages[0].content[1].caller"),
        ("assistant", {**CALL, "toolset_name": "x"}, "messages[0].content[1].toolset_name"),
        ("user", {"type": "hologram"}, "messages[0].content[1].type"),
        ("user", {"type": "text"}, "messages[0].content[1].text"),
        ("user", {"type": "image", "source": {"type": "url"}}, "messages[0].content[1].source.url"),
        (
            "assistant",
            {"type": "tool_use", "id": "t", "name": "f", "input": "x"},
            "messages[0].content[1].input",
        ),
    ],
)
def test_what_cannot_be_carried_is_named(role: str, block: dict[str, Any], param: str) -> None:
    error = refusal(role, text("a"), block)
    assert (error.kind, error.param) == ("invalid_request", param)
