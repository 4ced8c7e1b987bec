"""What Messages can say survives being written and read again, whatever it is (properties)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.events import read, translation
from support.validators import check_messages

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
    Item,
    Message,
    Proof,
    Reasoning,
    ReasoningOptions,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.decoding import decode_object, encode
from wsgi_gateway.protocols.events import Search, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import (
    StreamReader,
    StreamWriter,
    read_reply,
    read_request,
    write_reply,
    write_request,
)
from wsgi_gateway.protocols.reply import Reply, ReplyPart, fold, unfold
from wsgi_gateway.protocols.seal import PREFIX

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda words: words.strip() and not words.startswith(PREFIX)
)
CACHES = st.none() | st.just({"type": "ephemeral"}) | st.just({"type": "ephemeral", "ttl": "1h"})
SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}}
FACTS: dict[str, Any] = {
    "thinking": "adaptive",
    "strict_tools": True,
    "system_messages": True,
    "web_search": ("messages",),
}
URLS = WORDS.map(lambda words: f"https://x/{len(words)}")

TEXTS = st.builds(Text, words=WORDS)
IMAGES = st.builds(Image, url=URLS) | st.builds(
    Image, media_type=st.just("image/png"), data=st.just("iVBORw0KGgo=")
)
DOCUMENTS = st.builds(Document, url=URLS, filename=st.none() | WORDS) | st.builds(
    Document, text=WORDS
)
THOUGHTS = st.builds(
    Reasoning, text=WORDS, proof=st.builds(Proof, kind=st.just("signature"), value=WORDS)
) | st.builds(Reasoning, proof=st.builds(Proof, kind=st.just("redacted"), value=WORDS))
ARGUMENTS = st.dictionaries(WORDS, WORDS | st.integers(), max_size=2).map(
    lambda value: encode(value).decode()
)
USERS = st.lists(TEXTS | IMAGES | DOCUMENTS, min_size=1, max_size=3).map(
    lambda parts: Message(role="user", parts=parts)
)
ANSWERS = st.lists(TEXTS, min_size=1, max_size=2).map(
    lambda parts: Message(role="assistant", parts=parts)
)


@st.composite
def rounds(draw: st.DrawFn, number: int) -> list[Item]:
    """A user's question, perhaps thoughts and calls with their results, an answer."""
    items: list[Item] = [draw(USERS)]
    if draw(st.booleans()):
        items += draw(st.lists(THOUGHTS, max_size=2))
        ids = [f"c{number}_{at}" for at in range(draw(st.integers(1, 3)))]
        for call_id in ids:
            items.append(ToolCall(id=call_id, name="f", arguments=draw(ARGUMENTS)))
        for call_id in draw(st.permutations(ids)):
            parts = draw(st.lists(TEXTS | IMAGES, max_size=2))
            items.append(ToolResult(call_id=call_id, parts=parts, is_error=draw(st.booleans())))
    return [*items, *draw(st.lists(THOUGHTS, max_size=1)), draw(ANSWERS)]


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    items: list[Item] = []
    for number in range(draw(st.integers(0, 3))):
        items += draw(rounds(number))
    items.append(draw(USERS))
    markable = [part for item in items if isinstance(item, Message) for part in item.parts]
    for part in draw(st.lists(st.sampled_from(markable), max_size=2)):
        if isinstance(part, Text | Image | Document):
            part.cache = draw(CACHES)
    tools = [Tool(name="f", parameters=SCHEMA), Tool(name="g", description="d", parameters={})]
    choices = ("auto", "none", "required")
    return Conversation(
        api="messages",
        model="bare-model",
        stream=draw(st.booleans()),
        instructions=draw(st.lists(st.builds(Text, words=WORDS, cache=CACHES), max_size=2)),
        items=items,
        tools=[replace(tool, cache=None) for tool in tools],
        tool_choice=draw(st.none() | st.sampled_from([ToolChoice(mode=c) for c in choices])),  # type: ignore[arg-type]
        web_search=draw(st.none() | st.builds(WebSearch, max_uses=st.none() | st.integers(1, 9))),
        max_output_tokens=draw(st.integers(1, 9999)),
        stop=draw(st.lists(WORDS, max_size=2)),
        user_id=draw(st.none() | WORDS),
        reasoning=draw(st.none() | st.just(ReasoningOptions(mode="disabled"))),
        service_tier=draw(st.none() | st.just("default")),
    )


@given(conversations())
def test_a_request_that_messages_can_express_comes_back_as_it_was(asked: Conversation) -> None:
    task = translation("messages", **FACTS)
    body = decode_object(encode(write_request(asked, task)))
    assert task.loss.entries == []
    loss = Loss("messages")
    again = read_request(body, loss)
    assert loss.entries == []
    again.body = {}
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    asked.tools[1].parameters = schema
    assert again == asked


PROOFS = st.builds(Proof, kind=st.just("signature"), value=WORDS, origin=st.just("prov"))

SPOKEN = (
    st.builds(ReplyPart, kind=st.just("text"), text=WORDS)
    | st.builds(ReplyPart, kind=st.just("reasoning"), text=WORDS, proof=PROOFS)
    | st.builds(
        ReplyPart,
        kind=st.just("reasoning"),
        proof=st.builds(Proof, kind=st.just("redacted"), value=WORDS, origin=st.just("prov")),
    )
)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    parts = draw(st.lists(SPOKEN, max_size=4))
    for number in range(draw(st.integers(0, 2))):
        call = ReplyPart(kind="tool_call", id=f"toolu_{number}", name="f", text=draw(ARGUMENTS))
        parts.insert(draw(st.integers(0, len(parts))), call)
    calls = any(part.kind == "tool_call" for part in parts)
    return Reply(
        id="msg_1",
        model="asked",
        parts=parts,
        usage=Usage(
            input=draw(st.integers(9, 99)),
            output=draw(st.integers(0, 99)),
            cache_read=draw(st.integers(0, 4)),
            cache_write=draw(st.integers(0, 4)),
            reasoning=draw(st.none() | st.integers(0, 9)),
            service_tier=draw(st.sampled_from([None, "default", "priority"])),
            web_searches=draw(st.none() | st.integers(1, 3)),
        ),
        reason="tool_calls" if calls else draw(st.just("stop") | st.just("pause")),
    )


ASKED = Conversation(api="messages", model="asked")


@given(replies(), st.integers(1, 60))
def test_a_reply_comes_back_as_it_was_whatever_the_chunking(reply: Reply, size: int) -> None:
    loss = Loss("messages")
    stream = StreamWriter(ASKED, loss).write(unfold(reply))
    assert check_messages(stream) == "finished"
    assert fold(read(StreamReader(translation("messages")), stream, size)) == reply
    body = decode_object(encode(write_reply(reply, ASKED, loss)))
    assert fold(read_reply(body, translation("messages"))) == reply
    assert loss.entries == []


@given(replies(), st.integers(1, 4))
def test_searches_among_the_parts_are_lost_and_nothing_else(reply: Reply, count: int) -> None:
    search = ReplyPart(kind="web_search", id="s", search=Search(queries=["q"], sources=[]))
    told = replace(reply, parts=[*reply.parts[:count], search, *reply.parts[count:]])
    loss = Loss("messages")
    stream = StreamWriter(ASKED, loss).write(unfold(told))
    assert fold(read(StreamReader(translation("messages")), stream)) == reply
    assert [entry.path for entry in loss.entries] == ["reply.web_search"]
