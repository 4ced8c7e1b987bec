"""Requests there and back: what Responses can say is read as it was written."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.events import breakpoints, translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
    Item,
    Message,
    OutputFormat,
    Part,
    Proof,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.responses import read_request, write_request

WORDS = st.text(min_size=1, max_size=6)
CACHES = st.sampled_from([None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "12h"}])
TEXTS = st.builds(Text, words=WORDS, cache=CACHES)
BARE_TEXTS = st.builds(Text, words=WORDS)
INPUTS: st.SearchStrategy[Part] = st.one_of(
    TEXTS,
    st.builds(
        Image,
        data=st.just("QQ=="),
        media_type=st.just("image/png"),
        detail=st.sampled_from(["auto", "low", "original"]),
        cache=CACHES,
    ),
    st.builds(Image, file_id=st.just("file_1"), detail=st.just("auto")),
    st.builds(
        Document,
        data=st.just("QQ=="),
        media_type=st.just("application/pdf"),
        filename=st.just("a.pdf"),
        cache=CACHES,
    ),
    st.builds(Document, url=st.just("https://x.test/a.pdf")),
)
SAID: st.SearchStrategy[Part] = st.one_of(BARE_TEXTS, st.builds(Refusal, text=WORDS))
MESSAGES: st.SearchStrategy[list[Item]] = st.one_of(
    st.builds(
        lambda role, parts: [Message(role=role, parts=parts)],
        st.sampled_from(["user", "system", "developer"]),
        st.lists(INPUTS, min_size=1, max_size=3),
    ),
    st.builds(
        lambda parts, phase: [Message(role="assistant", parts=parts, phase=phase)],
        st.lists(SAID, min_size=1, max_size=2),
        st.sampled_from([None, "commentary", "final_answer"]),
    ),
)


@st.composite
def calling_turns(draw: st.DrawFn) -> list[Item]:
    """Thoughts, calls and their results; the ids are made unique later."""
    turn: list[Item] = []
    if draw(st.booleans()):
        proof = Proof(kind="encrypted", value=draw(WORDS), item_id="rs_1")
        turn.append(Reasoning(text=draw(st.sampled_from(["", "why"])), proof=proof))
    customs = draw(st.lists(st.booleans(), min_size=1, max_size=3))
    for number, custom in enumerate(customs):
        arguments = draw(WORDS) if custom else '{"a":1}'
        turn.append(ToolCall(id=f"{number}", name="f", arguments=arguments, custom=custom))
    for number, _ in enumerate(customs):
        parts = draw(st.one_of(st.builds(lambda t: [t], BARE_TEXTS), st.lists(INPUTS, min_size=2)))
        turn.append(ToolResult(call_id=f"{number}", parts=parts))
    return turn


def numbered(turn: int, item: Item) -> Item:
    match item:
        case ToolCall():
            return replace(item, id=f"call_{turn}_{item.id}")
        case ToolResult():
            return replace(item, call_id=f"call_{turn}_{item.call_id}")
    return item


# Of more than four breakpoints only the last four are written.
HISTORIES = (
    st.lists(st.one_of(MESSAGES, calling_turns()), min_size=1, max_size=4)
    .map(
        lambda turns: [numbered(number, item) for number, turn in enumerate(turns) for item in turn]
    )
    .filter(lambda items: breakpoints(items) <= 4)
)
TOOLS = st.lists(
    st.one_of(
        st.builds(
            Tool,
            name=st.sampled_from(["f", "shell", "web_search"]),
            description=st.none() | WORDS,
            parameters=st.just({"type": "object"}),
            strict=st.booleans(),
        ),
        st.builds(
            Tool,
            name=st.sampled_from(["p", "apply_patch"]),
            custom=st.just(True),
            grammar=st.sampled_from([None, {"syntax": "lark", "definition": "d"}]),
        ),
    ),
    unique_by=lambda tool: tool.name,
    max_size=4,
)
SEARCHES = st.none() | st.builds(
    WebSearch,
    allowed_domains=st.none() | st.just(["a.test"]),
    context_size=st.sampled_from([None, "low"]),
    location=st.sampled_from([None, {"city": "Oslo"}]),
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    tools = draw(TOOLS)
    choices = [None, ToolChoice(mode="auto"), ToolChoice(mode="none")]
    for tool in tools:
        choices.append(ToolChoice(mode="tool", name=tool.name))
        choices.append(ToolChoice(mode="required", allowed=[tool.name]))
    search = draw(SEARCHES)
    if search is not None:
        choices.append(ToolChoice(mode="search"))
    return Conversation(
        api="responses",
        model="m",
        stream=draw(st.booleans()),
        instructions=draw(st.lists(BARE_TEXTS, min_size=1, max_size=1)),
        items=draw(HISTORIES),
        tools=tools,
        web_search=search,
        max_tool_calls=draw(st.none() | st.integers(1, 9)) if search else None,
        tool_choice=draw(st.sampled_from(choices)) if tools or search else None,
        parallel_tool_calls=draw(st.sampled_from([None, False])) if tools else None,
        max_output_tokens=draw(st.none() | st.integers(16, 10**9)),
        temperature=draw(st.sampled_from([None, 0.5])),
        top_logprobs=draw(st.sampled_from([None, 3])),
        reasoning=draw(st.sampled_from([None, ReasoningOptions(effort="low", summary="concise")])),
        output_format=draw(
            st.sampled_from(
                [
                    None,
                    OutputFormat(type="json_object"),
                    OutputFormat(type="json_schema", name="n", schema={"a": 1}, strict=True),
                ]
            )
        ),
        verbosity=draw(st.sampled_from([None, "low"])),
        user_id=draw(st.none() | WORDS),
        metadata=draw(st.sampled_from([None, {"a": "b"}])),
        service_tier=draw(st.sampled_from([None, "ultrafast"])),
        prompt_cache_key=draw(st.none() | WORDS),
        prompt_cache_options=draw(st.sampled_from([None, {"mode": "explicit"}])),
        prompt_cache_retention=draw(st.sampled_from([None, "24h"])),
        moderation=draw(st.sampled_from([None, {"model": "omni"}])),
    )


@given(conversations())
def test_what_is_written_is_read_back(asked: Conversation) -> None:
    facts: dict[str, Any] = {"openai_fields": True, "cache_breakpoints": True}
    to = translation("responses", web_search=("responses",), **facts)
    body = write_request(asked, to)
    again = read_request(body, to.loss)
    assert to.loss.entries == []
    assert replace(again, body={}, model="m") == replace(
        asked, logprobs=True if asked.top_logprobs else None
    )
