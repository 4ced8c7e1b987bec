"""A conversation's input tokens: what it says, what frames it, and what is attached.

Source of the frame's constants: OpenAI's Cookbook, "How to count tokens with tiktoken".
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from wsgi_gateway.protocols.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Item,
    Message,
    Part,
    Reasoning,
    Tool,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.token_count.attachments import (
    document_text,
    document_tokens,
    image_tokens,
)
from wsgi_gateway.token_count.families import Family, family_of
from wsgi_gateway.token_count.vocabulary import counter

_PER_MESSAGE = 3
_PER_TOOL = 7
_PRIMING = 3


class Estimate(Struct, frozen=True):
    """``method`` says in a few ASCII words how the tokens were counted."""

    tokens: int
    method: str


def estimate(conversation: Conversation, model: str) -> Estimate:
    """``model`` is the upstream's id."""
    family = family_of(model)
    count, means = counter(family.vocabulary)
    words = round(sum(map(count, _texts(conversation))) * family.factor)
    tokens = words + _frame(conversation, family) + _attachment_tokens(conversation, family)
    method = f"counted by the gateway with {means}"
    return Estimate(tokens, method if family.factor == 1 else f"{method} times {family.factor}")


def _frame(conversation: Conversation, family: Family) -> int:
    """What separates messages and announces tools."""
    messages = len(conversation.items) + bool(conversation.instructions)
    frame = _PRIMING + _PER_MESSAGE * messages
    if conversation.tools:
        frame += family.tools + _PER_TOOL * len(conversation.tools)
    return frame


def _attachment_tokens(conversation: Conversation, family: Family) -> int:
    tokens = 0
    for item in conversation.items:
        for part in item.parts if isinstance(item, Message | ToolResult) else ():
            match part:
                case Image():
                    tokens += image_tokens(part, family)
                case Document() if document_text(part) is None:
                    tokens += document_tokens(part)
    return tokens


def _texts(conversation: Conversation) -> Iterator[str]:
    """All that the model reads as text, each piece by itself."""
    for text in conversation.instructions:
        yield text.text
    for item in conversation.items:
        yield from _item_texts(item)
    for tool in conversation.tools:
        yield from _tool_texts(tool)
    if conversation.output_format and conversation.output_format.schema:
        yield _json(conversation.output_format.schema)


def _item_texts(item: Item) -> Iterator[str]:
    match item:
        case Message(parts=parts, name=name):
            yield name or ""
            yield from _part_texts(parts)
        case Reasoning(text=text):
            yield text
        case ToolCall(name=name, arguments=arguments):
            yield name
            yield arguments
        case ToolResult(parts=parts):
            yield from _part_texts(parts)


def _part_texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Image() | Audio():
                continue
            case Document():
                yield part.filename or ""
                yield document_text(part) or ""
            case _:
                yield part.text


def _tool_texts(tool: Tool) -> Iterator[str]:
    yield tool.name
    yield tool.description or ""
    if tool.parameters:
        yield _json(tool.parameters)
    if tool.grammar:
        yield _json(tool.grammar)


def _json(value: object) -> str:
    return encode(value).decode()
