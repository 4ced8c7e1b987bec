"""The history as input items for a Responses upstream; their parts are written by ``parts_writer``.

No item gets an id that this upstream did not make; only its own reasoning keeps the id it had. Calls and their
results are tied by ``call_id``.
"""

from collections.abc import Sequence

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Item,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.openai_requests import limit_breakpoints
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.responses.parts_writer import PartsWriter
from wsgi_gateway.protocols.tool_pairs import ToolPairs
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import Words


def write_input(conversation: Conversation, translation: Translation) -> Json:
    """``instructions``, where there is one plain source of them, and ``input``, which is never empty.

    Raises ApiError where calls and results do not pair up, for a part that Responses cannot hold, and where nothing
    is said.
    """
    head, items = _head(conversation)
    writer = _InputWriter(translation)
    kept = _followed_reasoning(items)
    for position, item in enumerate(items):
        if type(item) is Message:
            writer.add_message(item)
        elif type(item) is ToolCall:
            writer.add_call(item)
        elif type(item) is ToolResult:
            writer.add_result(item)
        elif type(item) is Reasoning:
            writer.add_reasoning(item, is_followed=position in kept)
    writer.check_pairs()
    last = items[-1] if items else None
    if conversation.api == "messages" and isinstance(last, Message) and last.role == "assistant":
        translation.loss.refuse(
            last, "the last message is the assistant's, and the upstream cannot continue it"
        )
    body: Json = {}
    if head is not None and writer.items and not writer.has_breakpoint(head):
        body["instructions"] = writer.plain(head)
    elif head is not None:
        writer.add_first(head)
    if not writer.items:
        translation.loss.refuse("items", "there is nothing to answer")
    limit_breakpoints(writer.items, translation)
    return body | {"input": writer.items}


def _head(conversation: Conversation) -> tuple[Message | None, Sequence[Item]]:
    """What may become ``instructions``, and the other items.

    That is the first item where it is the only system message at the beginning and nothing but one text.
    """
    items = conversation.items
    if conversation.instructions:
        return Message(role="developer", parts=[*conversation.instructions]), items
    match items[:2]:
        case [
            Message(
                role="system" | "developer", parts=[Text(text=text, cache=None)], name=None
            ) as first,
            *following,
        ] if text and not any(_is_system(item) for item in following):
            return first, items[1:]
    return None, items


def _is_system(item: Item) -> bool:
    return isinstance(item, Message) and item.role in ("system", "developer")


def _followed_reasoning(items: Sequence[Item]) -> set[int]:
    """The positions of reasoning that leads to something: the API refuses any other."""
    kept, leads = set(), False
    for position in range(len(items) - 1, -1, -1):
        item = items[position]
        if type(item) is Message:
            leads = item.role == "assistant"
        elif type(item) is not Reasoning:
            leads = type(item) is ToolCall
        elif leads:
            kept.add(position)
    return kept


class _InputWriter:
    def __init__(self, translation: Translation) -> None:
        self.items: list[Json] = []
        self._translation = translation
        self._loss = translation.loss
        self._parts = PartsWriter(translation)
        self._tools = ToolPairs(translation)

    def has_breakpoint(self, head: Message) -> bool:
        """Whether it has a place in the cache that only a message can mark."""
        return self._translation.capabilities.cache_breakpoints and any(
            text.cache for text in _texts(head)
        )

    def plain(self, head: Message) -> str:
        for text in _texts(head):
            self._parts.drop_cache(text)
        return "\n\n".join(text.text for text in _texts(head))

    def add_first(self, head: Message) -> None:
        following, self.items = self.items, []
        self.add_message(head)
        self.items += following

    def add_message(self, message: Message) -> None:
        parts = message.parts
        if message.name:
            self._loss.approximated(message, "a participant's name was put in front of the text")
            parts = [self._loss.follow(message, Text(words=f"{message.name}: ")), *parts]
        if message.role == "assistant":
            content = self._assistant_content(parts)
        else:
            content = self._parts.write(
                [part for part in parts if type(part) is not Text or part.words]
            )
        if not content:
            return
        role: str = message.role
        if role == "developer" and not self._translation.capabilities.openai_fields:
            role = "system"
        item: Json = {"type": "message", "role": role, "content": content}
        if message.phase is not None:
            item["phase"] = message.phase
        self.items.append(item)

    def add_reasoning(self, reasoning: Reasoning, is_followed: bool) -> None:
        """Its own provider's goes back with its proof; without one only to a host that wants its words back."""
        proof = reasoning.proof
        origin = self._translation.origin
        item: Json | None = None
        if proof is not None and is_followed:
            if proof.kind == "encrypted" and proof.origin in (None, origin):
                summary = reasoning.text and [{"type": "summary_text", "text": reasoning.text}]
                item = {"summary": summary or [], "encrypted_content": proof.value}
            elif proof.kind == "none" and proof.origin == origin and self._wants_words(reasoning):
                words = {"type": "reasoning_text", "text": reasoning.text}
                item = {"summary": [], "content": [words]}
        if proof is None or item is None:
            self._loss.dropped(reasoning, "earlier reasoning is not sent to this upstream")
            return
        if proof.item_id is not None:
            item["id"] = proof.item_id
        self.items.append({"type": "reasoning", **item})

    def _wants_words(self, reasoning: Reasoning) -> bool:
        return self._translation.capabilities.wants_reasoning_back and bool(reasoning.text)

    def add_call(self, call: ToolCall) -> None:
        name = self._translation.aliases.tool(call.name, call.namespace)
        item: Json = {"call_id": self._tools.call(call), "name": name}
        if call.custom:
            item |= {"type": "custom_tool_call", "input": call.arguments}
        else:
            item |= {"type": "function_call", "arguments": call.arguments or "{}"}
        self.items.append(item)

    def add_result(self, result: ToolResult) -> None:
        call_id, call = self._tools.result(result)
        parts = result.parts
        if result.is_error:
            self._loss.approximated(result, "is_error became the prefix 'Error:'")
            parts = self._with_prefix("Error: ", result)
        kind = "custom_tool_call_output" if call.custom else "function_call_output"
        output = self._parts.write_output(parts, result)
        self.items.append({"type": kind, "call_id": call_id, "output": output})

    def _with_prefix(self, prefix: str, result: ToolResult) -> list[Part]:
        match result.parts:
            case [Text() as first, *others]:
                text = Text(words=prefix + first.text, cache=first.cache)
                return [self._loss.follow(first, text), *others]
        return [self._loss.follow(result, Text(words=prefix)), *result.parts]

    def check_pairs(self) -> None:
        self._tools.check()

    def _assistant_content(self, parts: Sequence[Part]) -> Words | list[Json]:
        """One plain string where it is one text: hosts other than OpenAI may accept nothing else here."""
        plain = plain_words(parts)
        if plain:
            return plain
        content: list[Json] = []
        for part in parts:
            match part:
                case Text():
                    self._parts.drop_cache(part)
                    if part.words:
                        content.append({"type": "output_text", "text": part.words})
                case Refusal():
                    content.append({"type": "refusal", "refusal": part.text})
                case _:
                    self._loss.approximated(part, "left out: it cannot stand in an assistant turn")
        if len(content) == 1 and "text" in content[0]:
            words: Words = content[0]["text"]
            return words
        return content


def _texts(message: Message) -> list[Text]:
    return [part for part in message.parts if isinstance(part, Text)]
