"""Where the blocks of a client's request stood, and what of them is lost (protocols digest 6.2)."""

from typing import Any

import pytest

from wsgi_gateway.protocols.conversation import Message, Reasoning, Text, ToolCall, ToolResult
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import read_request

CACHE = {"type": "ephemeral"}
URL = {"type": "url", "url": "https://x/y"}


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def noted(role: str, *blocks: dict[str, Any]) -> list[tuple[str, str]]:
    loss = Loss("messages")
    messages = [{"role": role, "content": [text("a"), *blocks]}]
    read_request({"model": "m", "max_tokens": 9, "messages": messages}, loss)
    return [(entry.path, entry.verdict) for entry in loss.entries]


def test_everything_is_placed() -> None:
    loss = Loss("messages")
    asked = read_request(
        {
            "model": "m",
            "max_tokens": 9,
            "system": [text("s"), text("t")],
            "tools": [{"name": "f", "input_schema": {}}, {"name": "g", "input_schema": {}}],
            "messages": [
                {"role": "user", "content": "hi"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": "S"},
                        text("a"),
                        text("b"),
                        {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                        {"type": "redacted_thinking", "data": "D"},
                    ],
                },
                {"role": "system", "content": [text("now")]},
                {
                    "role": "user",
                    "content": [
                        text("so"),
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": [text("r"), {"type": "image", "source": URL}],
                        },
                        {"type": "document", "source": URL},
                    ],
                },
            ],
        },
        loss,
    )
    assert loss.entries == []
    for thing in [*asked.instructions, *asked.tools]:
        loss.dropped(thing)
    for item in asked.items:
        loss.dropped(item)
        for part in item.parts if isinstance(item, Message | ToolResult) else ():
            loss.dropped(part)
    assert [entry.path for entry in loss.entries] == [
        "system[0]",
        "system[1]",
        "tools[0]",
        "tools[1]",
        "messages[0]",
        "messages[0].content",
        "messages[1].content[0]",
        "messages[1]",
        "messages[1].content[1]",
        "messages[1].content[2]",
        "messages[1].content[3]",
        "messages[1].content[4]",
        "messages[2]",
        "messages[2].content[0]",
        "messages[3].content[1]",
        "messages[3].content[1].content[0]",
        "messages[3].content[1].content[1]",
        "messages[3]",
        "messages[3].content[0]",
        "messages[3].content[2]",
    ]
    assert [type(item) for item in asked.items if not isinstance(item, Message)] == [
        Reasoning,
        ToolCall,
        Reasoning,
        ToolResult,
    ]


CITES = {"citations": {"enabled": True}}
FOUND = {"type": "search_result", "source": "https://x", "title": "X", "content": [text("y")]}


@pytest.mark.parametrize(
    ("role", "block", "lost"),
    [
        ("user", {"type": "document", "source": URL, **CITES}, [(".citations", "approximated")]),
        ("user", {"type": "document", "source": URL, "citations": {"enabled": False}}, []),
        ("user", FOUND, [("", "approximated")]),
        ("user", {**FOUND, **CITES}, [("", "approximated"), (".citations", "approximated")]),
        (
            "user",
            {"type": "image", "source": URL, "transformations": {"oversized_image": "downsize"}},
            [(".transformations", "dropped")],
        ),
        ("user", {"type": "tool_reference", "tool_name": "f"}, [("", "approximated")]),
        (
            "assistant",
            {"type": "tool_use", "id": "t", "name": "f", "input": {}, "cache_control": CACHE},
            [(".cache_control", "dropped")],
        ),
        (
            "assistant",
            text("b", citations=[{"type": "char_location"}]),
            [(".citations", "dropped")],
        ),
        ("assistant", text("b", citations=[]), []),
        (
            "assistant",
            {"type": "thinking", "thinking": "x", "signature": "wsgi-gateway.1.edited"},
            [("", "dropped")],
        ),
        (
            "assistant",
            {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {}},
            [("", "approximated")],
        ),
    ],
)
def test_what_is_lost_is_named_by_its_block(
    role: str, block: dict[str, Any], lost: list[tuple[str, str]]
) -> None:
    assert noted(role, block) == [(f"messages[0].content[1]{path}", how) for path, how in lost]


def test_an_image_that_must_not_shrink_is_refused() -> None:
    image = {"type": "image", "source": URL, "transformations": {"oversized_image": "error"}}
    with pytest.raises(ApiError) as caught:
        noted("user", image)
    assert caught.value.param == "messages[0].content[1].transformations"


def test_a_document_of_blocks_keeps_its_breakpoint_behind_its_content() -> None:
    source = {"type": "content", "content": [text("a"), text("b")]}
    loss = Loss("messages")
    document = {"type": "document", "source": source, "cache_control": CACHE}
    messages = [{"role": "user", "content": [document]}]
    (item,) = read_request({"model": "m", "max_tokens": 9, "messages": messages}, loss).items
    assert isinstance(item, Message)
    assert item.parts == [Text(words="a"), Text(words="b", cache=CACHE)]
    loss.dropped(item.parts[1])
    assert [entry.path for entry in loss.entries] == [
        "messages[0].content[0].source.content",
        "messages[0].content[0].source.content[1]",
    ]
