"""What is written in Chat Completions and read again is what it was: requests, and replies at any chunking."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.events import breakpoints, read, translation

from wsgi_gateway.protocols.chat_completions import (
    StreamReader,
    StreamWriter,
    read_reply,
    read_request,
    write_reply,
    write_request,
)
from wsgi_gateway.protocols.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Item,
    Message,
    OutputFormat,
    Proof,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from wsgi_gateway.protocols.events import Annotation, Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, ReplyPart, fold, unfold

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
CACHE = st.sampled_from([None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "12h"}])
TEXTS = st.builds(Text, words=WORDS, cache=CACHE)
PARTS = st.one_of(
    TEXTS,
    st.builds(Image, url=st.just("https://x.test/a"), detail=st.none() | st.just("low")),
    st.builds(Image, data=st.just("AAAA"), media_type=st.just("image/png"), cache=CACHE),
    st.builds(Audio, data=st.just("AAAA"), format=st.sampled_from(["wav", "mp3"]), cache=CACHE),
    st.builds(
        Document, data=st.just("JVBE"), media_type=st.just("application/pdf"), filename=WORDS
    ),
    st.builds(Document, file_id=st.just("file_1")),
)
ASKED = st.builds(
    Message,
    role=st.sampled_from(["user", "developer", "system"]),
    parts=st.lists(PARTS, min_size=1, max_size=3),
    name=st.none() | NAMES,
)
SAID = st.one_of(
    st.builds(Message, role=st.just("assistant"), parts=st.tuples(TEXTS).map(list)),
    st.builds(
        Message,
        role=st.just("assistant"),
        parts=st.tuples(st.builds(Refusal, text=WORDS)).map(list),
    ),
)
ARGUMENTS = st.sampled_from(["{}", '{"n":12345678901234567890}', '{"a": "\\ud83d\\ude00"}'])


@st.composite
def turns(draw: st.DrawFn) -> list[Item]:
    """A question, and an answer that thinks, says and calls."""
    items: list[Item] = [draw(ASKED)]
    calls = draw(st.lists(NAMES, unique=True, max_size=3))
    said = draw(st.lists(SAID, max_size=1, min_size=0 if calls else 1))
    if draw(st.booleans()):
        items.append(Reasoning(text="hm", proof=Proof(kind="details", value='[{"text":"hm"}]')))
    items += said
    for call_id in calls:
        if draw(st.booleans()):
            items.append(Reasoning(proof=Proof(kind="call", value='{"g":1}', item_id=call_id)))
        custom = draw(st.booleans())
        text = draw(WORDS if custom else ARGUMENTS)
        items.append(ToolCall(id=call_id, name=draw(NAMES), arguments=text, custom=custom))
    items += [ToolResult(call_id=call_id, parts=[draw(TEXTS)]) for call_id in calls]
    return items


# Of more than four breakpoints only the last four are written.
HISTORIES = (
    st.lists(turns(), min_size=1, max_size=3)
    .map(lambda given: [item for turn in given for item in turn])
    .filter(lambda items: breakpoints(items) <= 4)
)
TOOLS = st.one_of(
    st.builds(
        Tool,
        name=NAMES,
        description=st.none() | WORDS,
        parameters=st.just({"type": "object"}),
        strict=st.none() | st.booleans(),
    ),
    st.builds(
        Tool,
        name=NAMES,
        custom=st.just(True),
        grammar=st.none() | st.just({"syntax": "regex", "definition": "x"}),
    ),
)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    tools = draw(st.lists(TOOLS, max_size=3, unique_by=lambda tool: tool.name))
    names = [tool.name for tool in tools]
    choices: list[ToolChoice | None] = [None]
    if tools:
        choices += [ToolChoice(mode=mode) for mode in ("auto", "none", "required")]
        choices += [ToolChoice(mode="tool", name=names[0]), ToolChoice(mode="auto", allowed=names)]
    choice = draw(st.sampled_from(choices))
    searches = tools and (choice is None or choice.mode != "none")
    stream = draw(st.booleans())
    maybe = st.none() | st.floats(0, 2)
    return Conversation(
        api="chat_completions",
        model="m",
        stream=stream,
        include_usage=stream,
        items=draw(HISTORIES),
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=draw(st.none() | st.booleans()) if tools else None,
        web_search=draw(st.none() | st.builds(WebSearch, context_size=st.none() | st.just("low")))
        if searches
        else None,
        max_output_tokens=draw(st.none() | st.integers(1, 9)),
        temperature=draw(maybe),
        presence_penalty=draw(maybe),
        logit_bias=draw(st.none() | st.just({"1": 2})),
        seed=draw(st.none() | st.integers(0, 9)),
        stop=draw(st.lists(WORDS, max_size=4)),
        top_logprobs=None,
        output_format=draw(
            st.none()
            | st.builds(
                OutputFormat,
                type=st.just("json_schema"),
                name=NAMES,
                schema=st.just({"type": "object"}),
                strict=st.none() | st.booleans(),
            )
        ),
        verbosity=draw(st.none() | st.just("low")),
        user_id=draw(st.none() | NAMES),
        metadata=draw(st.none() | st.just({"a": "b"})),
        service_tier=draw(st.none() | st.just("flex")),
        prompt_cache_key=draw(st.none() | NAMES),
        prompt_cache_options=draw(st.none() | st.just({"mode": "explicit"})),
    )


@given(conversations())
def test_a_request(conversation: Conversation) -> None:
    task = translation(
        openai_fields=True,
        cache_breakpoints=True,
        custom_tools=True,
        web_search=("chat_completions",),
    )
    body = write_request(conversation, task)
    loss = Loss("chat_completions")
    again = read_request(body, loss)
    assert replace(again, body={}, model="m") == conversation
    assert task.loss.entries == loss.entries == []


TOKENS = st.none() | st.just([{"token": "x", "logprob": -1.0, "bytes": None, "top_logprobs": []}])


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Text, refusal and calls in the order in which Chat tells them, citations in what is said last."""
    parts: list[ReplyPart] = []
    said = draw(st.none() | WORDS)
    if said:
        citation = Annotation(kind="url", start=0, end=1, url="u", title="t")
        cited = draw(st.lists(st.just(citation), max_size=2))
        parts.append(ReplyPart(kind="text", text=said, annotations=cited, logprobs=draw(TOKENS)))
    for call_id in draw(st.lists(NAMES, unique=True, max_size=3, min_size=0 if said else 1)):
        custom = draw(st.booleans())
        text = draw(WORDS if custom else ARGUMENTS)
        parts.append(ReplyPart(kind="tool_call", id=call_id, name="f", text=text, custom=custom))
    called = any(part.kind == "tool_call" for part in parts)
    usage = Usage(input=5, output=4, cache_read=1, reasoning=2, service_tier="flex")
    return Reply(parts=parts, usage=usage, reason="tool_calls" if called else "stop")


def essence(reply: Reply) -> Any:
    """What is the same however often a reply is written: not the ids of messages."""
    return reply.parts, reply.usage, reply.reason


@given(replies(), st.integers(1, 40))
def test_a_reply_plain_and_streamed(reply: Reply, size: int) -> None:
    asked = Conversation(api="chat_completions", model="m")
    loss = Loss("chat_completions")
    plain = fold(read_reply(write_reply(reply, asked, loss), translation()))
    assert essence(plain) == essence(reply)
    written = StreamWriter(asked, loss).write(unfold(reply))
    without_citations = [replace(part, annotations=[]) for part in reply.parts]
    streamed = fold(read(StreamReader(translation()), written, size))
    if any(part.kind == "tool_call" for part in reply.parts):
        streamed.parts = [replace(part, annotations=[]) for part in streamed.parts]
        reply = replace(reply, parts=without_citations)
    assert essence(streamed) == essence(reply)
    assert loss.entries == []
