"""What the readers and writers of OpenAI's two request formats share."""

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Json,
    OutputFormat,
    ReasoningOptions,
    Text,
    Tool,
    ToolChoice,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.openai_requests import (
    breakpoint_of_cache,
    cache_of_breakpoint,
    check_file_id,
    document_text,
    has_tools,
    json_schema,
    limit_breakpoints,
    sampling,
    strictness,
    takes_sampling,
)
from wsgi_gateway.protocols.translation import Translation


def test_sampling_goes_to_models_that_take_it() -> None:
    conversation = Conversation(api="messages", model="m", temperature=0.0)
    assert sampling(conversation, translation("messages")) == {"temperature": 0.0}
    refusing = translation("messages", sampling=False)
    assert sampling(conversation, refusing) == {}
    assert [entry.path for entry in refusing.loss.entries] == ["temperature"]


def test_a_choice_without_tools_is_refused() -> None:
    conversation = Conversation(
        api="messages", model="m", tool_choice=ToolChoice(mode="tool", name="f")
    )
    with pytest.raises(ApiError) as caught:
        has_tools(conversation, translation("messages"))
    assert caught.value.param == "tool_choice"
    conversation.tool_choice = ToolChoice(mode="auto")
    assert not has_tools(conversation, translation("messages"))
    conversation.tool_choice = ToolChoice(mode="search")
    assert has_tools(conversation, translation("messages"), searches=True)


CLOSED: Json = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


@pytest.mark.parametrize(
    ("api", "parameters", "strict", "lost"),
    [
        ("messages", CLOSED, True, 0),
        ("messages", None, False, 1),
        ("responses", None, True, 0),
    ],
)
def test_what_only_messages_can_enforce_is_not_strict(
    api: str, parameters: Json | None, strict: bool, lost: int
) -> None:
    told = translation(api)
    tool = told.loss.at("tools[0]", Tool(name="f", parameters=parameters, strict=True))
    assert strictness(tool, api, told) is strict
    assert [entry.path for entry in told.loss.entries] == ["tools[0]"] * lost
    assert strictness(Tool(name="f"), api, told) is None


@pytest.mark.parametrize(
    ("api", "schema", "strict", "lost"),
    [
        ("messages", CLOSED, {"strict": True}, []),
        ("messages", {}, {"strict": False}, ["output_config.format"]),
        ("chat_completions", CLOSED, {}, []),
    ],
)
def test_a_schema_of_messages_is_enforced_where_it_can_be(
    api: str, schema: Json, strict: Json, lost: list[str]
) -> None:
    told, given = translation(api), OutputFormat(type="json_schema", schema=schema)
    assert json_schema(given, api, told) == {"name": "response", "schema": schema, **strict}
    assert [entry.path for entry in told.loss.entries] == lost


def test_a_schema_says_what_its_client_said() -> None:
    fields = {"name": "n", "description": "d", "schema": CLOSED, "strict": False}
    given = OutputFormat(type="json_schema", **fields)  # type: ignore[arg-type]
    assert json_schema(given, "messages", translation("messages")) == fields


@pytest.mark.parametrize(("filename", "said"), [(None, "hi"), ("a.txt", "a.txt:\nhi")])
def test_a_text_instead_of_a_file(filename: str | None, said: str) -> None:
    told = translation()
    document = told.loss.at("here", Document(text="hi", filename=filename))
    assert document_text(document, "hi", told) == said
    assert [entry.path for entry in told.loss.entries] == ["here"]


def test_a_file_id_is_openais_own() -> None:
    document = Document(file_id="file_1")
    check_file_id(document, translation(openai_fields=True))
    with pytest.raises(ApiError, match="its own provider"):
        check_file_id(document, translation(openai_fields=False))


def test_cache_marks_of_tools_are_told() -> None:
    tool = Tool(name="f", cache={"type": "ephemeral"})
    told = translation("messages")
    told.loss.at("tools[0]", tool)
    assert has_tools(Conversation(api="messages", model="m", tools=[tool]), told)
    assert [(entry.path, entry.verdict) for entry in told.loss.entries] == [("tools[0]", "dropped")]


@pytest.mark.parametrize(
    ("facts", "effort", "taken"),
    [
        ({}, "high", True),
        ({"sampling": False}, "none", False),
        ({"sampling": False, "sampling_without_effort": True}, "none", True),
        ({"sampling": False, "sampling_without_effort": True}, "low", False),
        ({"sampling": False, "sampling_without_effort": True}, None, False),
    ],
)
def test_who_takes_sampling(facts: dict[str, bool], effort: str | None, taken: bool) -> None:
    options = ReasoningOptions(effort=effort) if effort else None
    conversation = Conversation(api="messages", model="m", reasoning=options)
    assert takes_sampling(conversation, translation(**facts)) is taken


@pytest.mark.parametrize(
    ("mark", "cache"),
    [
        (None, None),
        ({}, None),
        ({"mode": "explicit"}, {"type": "ephemeral"}),
        ({"mode": "explicit", "ttl": "30m"}, {"type": "ephemeral", "ttl": "30m"}),
    ],
)
def test_breakpoints_as_the_conversation_has_them(mark: Json | None, cache: Json | None) -> None:
    assert cache_of_breakpoint(mark, "here", Loss("responses")) == cache


@pytest.mark.parametrize(
    ("own", "ttl", "path"),
    [
        ({}, "12h", "prompt_cache_options.ttl"),
        ({"ttl": "30m"}, "30m", "here.prompt_cache_breakpoint.ttl"),
    ],
)
def test_a_breakpoint_lives_as_long_as_the_request_says(own: Json, ttl: str, path: str) -> None:
    loss = Loss("responses")
    cache = cache_of_breakpoint({"mode": "explicit", **own}, "here", loss, "12h")
    assert cache == {"type": "ephemeral", "ttl": ttl}
    loss.dropped(cache)
    assert [entry.path for entry in loss.entries] == [path]


@pytest.mark.parametrize(
    ("ttl", "mark", "lost"),
    [
        (None, {"mode": "explicit"}, 0),
        ("5m", {"mode": "explicit"}, 0),
        ("30m", {"mode": "explicit", "ttl": "30m"}, 0),
        ("12h", {"mode": "explicit", "ttl": "12h"}, 0),
        ("1h", {"mode": "explicit", "ttl": "30m"}, 1),
    ],
)
def test_breakpoints_as_openai_writes_them(ttl: str | None, mark: Json, lost: int) -> None:
    text, told = Text(words="Hi"), translation(cache_breakpoints=True)
    cache = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    assert breakpoint_of_cache(text, cache, told) == {"prompt_cache_breakpoint": mark}
    assert [entry.verdict for entry in told.loss.entries] == ["dropped"] * lost


def test_breakpoints_that_a_model_does_not_know_are_dropped_where_they_stood() -> None:
    told = translation()
    text = told.loss.at("messages[3].content[1]", Text(words="Hi"))
    assert breakpoint_of_cache(text, None, told) == {}
    assert told.loss.entries == []
    assert breakpoint_of_cache(text, {"type": "ephemeral"}, told) == {}
    assert [entry.path for entry in told.loss.entries] == ["messages[3].content[1]"]


def marked(place: str, told: Translation) -> Json:
    text = told.loss.at(place, Text(words="Hi"))
    return {"text": "Hi", **breakpoint_of_cache(text, {"type": "ephemeral"}, told)}


def test_only_the_last_four_breakpoints_are_kept() -> None:
    told = translation(cache_breakpoints=True)
    first, *rest = (marked(f"messages[{number}]", told) for number in range(6))
    items: list[Json] = [
        {"content": "plain"},
        {"content": [first, {"text": "unmarked"}]},
        {"output": rest[:2]},
        {"arguments": "{}"},
        {"content": rest[2:]},
    ]
    limit_breakpoints(items, told)

    assert ["prompt_cache_breakpoint" in part for part in (first, *rest)] == [False] * 2 + [
        True
    ] * 4
    assert [(entry.path, entry.verdict) for entry in told.loss.entries] == [
        ("messages[0]", "dropped"),
        ("messages[1]", "dropped"),
    ]


def test_four_breakpoints_stay() -> None:
    told = translation(cache_breakpoints=True)
    items = [{"content": [marked("here", told)]} for _ in range(4)]
    limit_breakpoints(items, told)

    assert all("prompt_cache_breakpoint" in item["content"][0] for item in items)
    assert told.loss.entries == []
