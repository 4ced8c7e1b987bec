"""What the readers and writers of OpenAI's two request formats share."""

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
    Json,
    OutputFormat,
    Part,
    Tool,
    ToolResult,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.strict_schema import can_be_strict
from wsgi_gateway.protocols.translation import Translation

NO_PARAMETERS: Json = {"type": "object", "properties": {}}
"""Those of a function that declares none."""
_LIFETIMES = ("30m", "12h")
_BREAKPOINT = "prompt_cache_breakpoint"
_MOST_BREAKPOINTS = 4


def sampling(conversation: Conversation, translation: Translation) -> Json:
    """``temperature`` and ``top_p``, as far as they were given and the model takes them."""
    given = {"temperature": conversation.temperature, "top_p": conversation.top_p}
    body = {name: value for name, value in given.items() if value is not None}
    if takes_sampling(conversation, translation):
        return body
    for name in body:
        translation.loss.approximated(name, "left out: the model takes no sampling parameters")
    return {}


def takes_sampling(conversation: Conversation, translation: Translation) -> bool:
    """Whether the model takes temperature, top_p, penalties and logit_bias, as hard as it is asked to think."""
    facts, reasoning = translation.capabilities, conversation.reasoning
    effort = reasoning.effort if reasoning else None
    return facts.sampling or (facts.sampling_without_effort and effort == "none")


def has_tools(
    conversation: Conversation, translation: Translation, *, searches: bool = False
) -> bool:
    """Whether there are tools to write, if only the upstream's own search (``searches``).

    Raises ApiError for a choice that would be left dangling without.
    """
    choice = conversation.tool_choice
    if not conversation.tools and not searches and choice is not None and choice.forces:
        translation.loss.refuse("tool_choice", "asks for a tool, but there is none to call")
    for tool in conversation.tools:
        if tool.cache:
            translation.loss.dropped(tool, "cache_control has no place in the upstream's tools")
    return searches or bool(conversation.tools)


def strictness(tool: Tool, api: str, translation: Translation) -> bool | None:
    """A function's ``strict``. OpenAI refuses schemas that Messages, the ``api`` of the client, can enforce."""
    if tool.strict and api == "messages" and not can_be_strict(tool.parameters or NO_PARAMETERS):
        translation.loss.approximated(tool, "its schema is not strict in OpenAI's sense")
        return False
    return tool.strict


def json_schema(given: OutputFormat, api: str, translation: Translation) -> Json:
    """The fields of a ``json_schema`` format. Messages always enforces its own, so OpenAI is asked to where it can."""
    schema = given.schema or {}
    body: Json = {"name": given.name or "response", "schema": schema}
    if given.description is not None:
        body["description"] = given.description
    if given.strict is not None:
        body["strict"] = given.strict
    elif api == "messages":
        body["strict"] = can_be_strict(schema)
        if not body["strict"]:
            translation.loss.approximated(
                "output_format", "not enforced: the schema is not strict in OpenAI's sense"
            )
    return body


def document_text(document: Document, text: str, translation: Translation) -> str:
    """What to say instead of a file: many models take no others than PDF."""
    translation.loss.approximated(document, "a text document was sent as plain text")
    return f"{document.filename}:\n{text}" if document.filename else text


def check_file_id(part: Image | Document, translation: Translation) -> None:
    """OpenAI's two APIs share one file store, and no other client's ids come this far; other hosts do not know them."""
    if not translation.capabilities.openai_fields:
        translation.loss.refuse(part, "a file id is known to its own provider only")


def cache_of_breakpoint(
    mark: Json | None, path: str, loss: Loss, lifetime: object = None
) -> Json | None:
    """The ``prompt_cache_breakpoint`` of the part at ``path`` as the conversation has it, placed where its ttl stood.

    ``lifetime`` is the request's own, for those that say none.
    """
    if not mark:
        return None
    own = mark.get("ttl")
    cache: Json = {"type": "ephemeral"}
    if own or lifetime:
        cache["ttl"] = own or lifetime
    return loss.at(
        f"{path}.prompt_cache_breakpoint.ttl" if own else "prompt_cache_options.ttl", cache
    )


def breakpoint_of_cache(
    part: Part | ToolResult, cache: Json | None, translation: Translation
) -> Json:
    """``{"prompt_cache_breakpoint": ...}`` for what carries ``cache``; empty where the model takes none (6.11).

    The default lifetime covers Messages' five minutes. The breakpoint stands where ``part`` did.
    """
    if not cache:
        return {}
    if not translation.capabilities.cache_breakpoints:
        translation.loss.dropped(part, "the upstream takes no cache breakpoints")
        return {}
    translation.breakpoints += 1
    mark = translation.loss.follow(part, {"mode": "explicit"})
    ttl = cache.get("ttl")
    if ttl in _LIFETIMES:
        mark["ttl"] = ttl
    elif ttl not in (None, "5m"):
        mark["ttl"] = "30m"
        translation.loss.dropped(part, f"a cache ttl of {ttl} became 30m, the nearest")
    return {_BREAKPOINT: mark}


def limit_breakpoints(items: list[Json], translation: Translation) -> None:
    """Of the written messages or input items: OpenAI takes four, and the last ones cover the most (6.11)."""
    if translation.breakpoints <= _MOST_BREAKPOINTS:
        return
    contents = (item.get("content") or item.get("output") for item in items)
    lists = (content for content in contents if isinstance(content, list))
    marked = [part for content in lists for part in content if _BREAKPOINT in part]
    for part in marked[:-_MOST_BREAKPOINTS]:
        translation.loss.dropped(
            part.pop(_BREAKPOINT), "a cache breakpoint: the upstream takes four, the last were kept"
        )
