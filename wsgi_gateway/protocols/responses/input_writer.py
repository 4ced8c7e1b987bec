"""The history as input items for a Responses upstream.

No item gets an id that this upstream did not make; only its own reasoning keeps the id it had. Calls and their
results are tied by ``call_id``.
"""

from collections.abc import Sequence

from wsgi_gateway.protocols import data_url
from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
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
from wsgi_gateway.protocols.translation import Translation


def write_input(conversation: Conversation, translation: Translation) -> Json:
    """``instructions``, where there is one plain source of them, and ``input``.

    Raises ApiError where calls and results do not pair up, or for a part that Responses cannot hold.
    """
    items = conversation.items
    body: Json = {}
    if conversation.instructions:
        texts = [text.text for text in conversation.instructions]
        body["instructions"] = "\n\n".join(texts)
        if any(text.cache for text in conversation.instructions):
            translation.loss.dropped("cache_control")
    else:
        plain = _leading_instructions(items)
        if plain is not None:
            body["instructions"] = plain
            items = items[1:]
    writer = _InputWriter(conversation.api, translation)
    kept = _followed_reasoning(items)
    for position, item in enumerate(items):
        match item:
            case Message():
                writer.add_message(item)
            case Reasoning():
                writer.add_reasoning(item, is_followed=position in kept)
            case ToolCall():
                writer.add_call(item)
            case ToolResult():
                writer.add_result(item)
    writer.check_pairs()
    last = items[-1] if items else None
    if conversation.api == "messages" and isinstance(last, Message) and last.role == "assistant":
        translation.loss.refuse(
            "items", "the last message is the assistant's, and the upstream cannot continue it"
        )
    body["input"] = writer.items
    return body


def _leading_instructions(items: Sequence[Item]) -> str | None:
    """The first item's text, if it is the only system message at the beginning and nothing but one text."""
    match items[:2]:
        case [
            Message(role="system" | "developer", parts=[Text(text=text, cache=None)], name=None),
            *following,
        ] if text and not any(_is_system(item) for item in following):
            return text
    return None


def _is_system(item: Item) -> bool:
    return isinstance(item, Message) and item.role in ("system", "developer")


def _followed_reasoning(items: Sequence[Item]) -> set[int]:
    """The positions of reasoning that leads to something: the API refuses any other."""
    kept, leads = set(), False
    for position in range(len(items) - 1, -1, -1):
        item = items[position]
        if isinstance(item, Reasoning):
            if leads:
                kept.add(position)
        else:
            leads = isinstance(item, ToolCall) or (
                isinstance(item, Message) and item.role == "assistant"
            )
    return kept


class _InputWriter:
    def __init__(self, api: str, translation: Translation) -> None:
        self.items: list[Json] = []
        self._api = api
        self._translation = translation
        self._loss = translation.loss
        self._calls: dict[str, ToolCall] = {}
        self._answered: set[str] = set()

    def add_message(self, message: Message) -> None:
        parts = message.parts
        if message.name:
            self._loss.approximated("items", "a participant's name was put in front of the text")
            parts = [Text(text=f"{message.name}: "), *parts]
        if message.role == "assistant":
            content = self._assistant_content(parts)
        else:
            content = [
                self._part(part) for part in parts if not isinstance(part, Text) or part.text
            ]
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
        proof = reasoning.proof
        if (
            proof is None
            or proof.kind != "encrypted"
            or proof.origin not in (None, self._translation.origin)
            or not is_followed
        ):
            self._loss.dropped(
                "reasoning history", "earlier reasoning is not sent to this upstream"
            )
            return
        summary = [{"type": "summary_text", "text": reasoning.text}] if reasoning.text else []
        item: Json = {"type": "reasoning", "summary": summary, "encrypted_content": proof.value}
        if proof.item_id is not None:
            item["id"] = proof.item_id
        self.items.append(item)

    def add_call(self, call: ToolCall) -> None:
        aliases = self._translation.aliases
        call_id = aliases.call_id(call.id)
        if call_id in self._calls:
            self._loss.refuse("items", f"two tool calls have the id {call.id!r}")
        self._calls[call_id] = call
        item: Json = {"call_id": call_id, "name": aliases.tool(call.name, call.namespace)}
        if call.custom:
            item |= {"type": "custom_tool_call", "input": call.arguments}
        else:
            item |= {"type": "function_call", "arguments": call.arguments or "{}"}
        self.items.append(item)

    def add_result(self, result: ToolResult) -> None:
        call_id = self._translation.aliases.call_id(result.call_id)
        call = self._calls.get(call_id)
        if call is None or call_id in self._answered:
            self._loss.refuse("items", f"a tool result for {result.call_id!r} answers no open call")
        self._answered.add(call_id)
        if result.cache:
            self._loss.dropped("cache_control")
        parts = result.parts
        if result.is_error:
            self._loss.approximated("items", "is_error became the prefix 'Error:'")
            parts = _with_prefix("Error: ", parts)
        kind = "custom_tool_call_output" if call.custom else "function_call_output"
        self.items.append({"type": kind, "call_id": call_id, "output": self._output(parts)})

    def check_pairs(self) -> None:
        for call_id, call in self._calls.items():
            if call_id not in self._answered:
                self._loss.refuse("items", f"the tool call {call.id!r} has no result")

    def _assistant_content(self, parts: Sequence[Part]) -> str | list[Json]:
        """One plain string where it is one text: hosts other than OpenAI may accept nothing else here."""
        content: list[Json] = []
        for part in parts:
            match part:
                case Text():
                    self._note_cache(part)
                    if part.text:
                        content.append({"type": "output_text", "text": part.text})
                case Refusal():
                    content.append({"type": "refusal", "refusal": part.text})
                case _:
                    self._loss.approximated(
                        "items", "an image or file in an assistant turn was left out"
                    )
        if len(content) == 1 and "text" in content[0]:
            text: str = content[0]["text"]
            return text
        return content

    def _output(self, parts: Sequence[Part]) -> str | list[Json]:
        if not parts:
            return ""
        if len(parts) == 1 and isinstance(parts[0], Text):
            self._note_cache(parts[0])
            return parts[0].text
        return [self._part(part) for part in parts]

    def _note_cache(self, part: Text | Image | Document) -> None:
        if part.cache:
            self._loss.dropped("cache_control")

    def _part(self, part: Part) -> Json:
        match part:
            case Refusal():
                return {"type": "input_text", "text": part.text}
            case Text():
                self._note_cache(part)
                return {"type": "input_text", "text": part.text}
            case Image():
                self._note_cache(part)
                return self._image(part)
            case Document():
                self._note_cache(part)
                return self._document(part)

    def _image(self, image: Image) -> Json:
        body: Json = {"type": "input_image", "detail": image.detail or "auto"}
        if image.file_id is not None:
            self._check_file_id()
            body["file_id"] = image.file_id
        else:
            body["image_url"] = image.url or data_url.join(image.media_type, image.data or "")
        return body

    def _document(self, document: Document) -> Json:
        if document.text is not None:
            self._loss.approximated("items", "a text document was sent as plain text")
            title = f"{document.filename}:\n" if document.filename else ""
            return {"type": "input_text", "text": title + document.text}
        body: Json = {"type": "input_file"}
        if document.file_id is not None:
            self._check_file_id()
            body["file_id"] = document.file_id
        elif document.data is not None:
            body["filename"] = document.filename or "document.pdf"
            body["file_data"] = data_url.join(document.media_type, document.data)
        else:
            body["file_url"] = document.url
        return body

    def _check_file_id(self) -> None:
        """OpenAI's two APIs share one file store; any other provider's ids mean nothing there."""
        if self._api != "chat_completions":
            self._loss.refuse("items", "a file id is known to its own provider only")


def _with_prefix(prefix: str, parts: Sequence[Part]) -> list[Part]:
    if parts and isinstance(parts[0], Text):
        first = Text(text=prefix + parts[0].text, cache=parts[0].cache)
        return [first, *parts[1:]]
    return [Text(text=prefix), *parts]
