"""Whole conversations: what is counted, and that nothing said makes the count smaller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.token_count import estimate

HELLO = Message(role="user", parts=[Text(words="2 + 2 = 4")])


def tokens(*items: Item, model: str = "gpt-4o", tools: tuple[Tool, ...] = ()) -> int:
    conversation = Conversation(api="messages", model=model, items=[*items], tools=[*tools])
    return estimate(conversation, model).tokens


def test_an_empty_conversation_is_primed() -> None:
    assert tokens() == 3


def test_a_message_has_a_frame() -> None:
    assert tokens(HELLO) == 3 + 3 + 7


def test_instructions_are_a_message() -> None:
    text = Text(words="2 + 2 = 4")
    conversation = Conversation(api="messages", model="gpt-4o", instructions=[text])
    assert estimate(conversation, "gpt-4o").tokens == 3 + 3 + 7


@pytest.mark.parametrize(
    ("item", "more"),
    [
        (Reasoning(text="2 + 2 = 4"), 3 + 7),
        (Reasoning(proof=Proof(kind="redacted", value="x" * 999)), 3),
        (ToolCall(id="call_1", name="now", arguments="{}"), 3 + 1 + 1),
        (ToolResult(call_id="call_1", parts=[Text(words="2 + 2 = 4")]), 3 + 7),
        (ToolResult(call_id="call_1", parts=[Image(url="https://example.org/a")]), 3 + 765),
        (Message(role="user", parts=[Document(text="2 + 2 = 4", filename="now")]), 3 + 1 + 7),
        (Message(role="assistant", parts=[Refusal(text="2 + 2 = 4")]), 3 + 7),
    ],
)
def test_items(item: Item, more: int) -> None:
    assert tokens(item) == 3 + more


def test_a_tool_is_its_name_description_and_schema() -> None:
    # {"type":"object"} is five tokens of o200k_base.
    tool = Tool(name="now", description="2 + 2 = 4", parameters={"type": "object"})
    assert tokens(tools=(tool,)) == 3 + 12 + 7 + 1 + 7 + 5


def test_a_schema_for_the_reply_counts() -> None:
    format_ = OutputFormat(type="json_schema", schema={"type": "object"})
    conversation = Conversation(api="responses", model="gpt-4o", output_format=format_)
    assert estimate(conversation, "gpt-4o").tokens == 3 + 5


@pytest.mark.parametrize(
    ("model", "count", "method"),
    [
        ("gpt-4", 13, "counted by the gateway with the cl100k_base vocabulary"),
        ("gpt-4o", 13, "counted by the gateway with the o200k_base vocabulary"),
        ("claude-sonnet-4", 14, "counted by the gateway with the o200k_base vocabulary times 1.15"),
    ],
)
def test_the_method_is_told(model: str, count: int, method: str) -> None:
    found = estimate(Conversation(api="messages", model=model, items=[HELLO]), model)
    assert (found.tokens, found.method) == (count, method)


TEXTS = st.text(max_size=40)
MAYBE = st.none() | TEXTS
PARTS: st.SearchStrategy[list[Part]] = st.lists(
    st.one_of(
        st.builds(Text, words=TEXTS),
        st.builds(Refusal, text=TEXTS),
        st.builds(Image, url=MAYBE, data=MAYBE, detail=MAYBE),
        st.builds(
            Document,
            data=MAYBE,
            text=MAYBE,
            filename=MAYBE,
            media_type=st.sampled_from([None, "text/plain", "application/pdf"]),
        ),
    ),
    max_size=3,
)
ITEMS: st.SearchStrategy[Item] = st.one_of(
    st.builds(Message, role=st.just("user"), parts=PARTS, name=MAYBE),
    st.builds(Reasoning, text=TEXTS),
    st.builds(ToolCall, id=TEXTS, name=TEXTS, arguments=TEXTS),
    st.builds(ToolResult, call_id=TEXTS, parts=PARTS),
)
TOOLS = st.builds(
    Tool,
    name=TEXTS,
    description=MAYBE,
    parameters=st.none() | st.dictionaries(TEXTS, TEXTS),
    grammar=st.none() | st.dictionaries(TEXTS, TEXTS),
)
MODELS = st.sampled_from(["gpt-4", "gpt-4o", "claude-opus-4-8", "claude-3-haiku", "llama-3"])


@given(st.lists(ITEMS, max_size=4), st.lists(TOOLS, max_size=2), ITEMS, TOOLS, MODELS)
def test_saying_more_never_counts_less(
    items: list[Item], tools: list[Tool], item: Item, tool: Tool, model: str
) -> None:
    less = tokens(*items, tools=(*tools,), model=model)
    assert 0 <= less < tokens(*items, item, tools=(*tools,), model=model)
    assert less < tokens(*items, tools=(*tools, tool), model=model)


@given(PARTS, st.builds(Text, words=TEXTS), MODELS)
def test_another_part_never_counts_less(parts: list[Part], more: Text, model: str) -> None:
    def message(parts: list[Part]) -> Message:
        return Message(role="user", parts=parts)

    assert tokens(message(parts), model=model) <= tokens(message([*parts, more]), model=model)
