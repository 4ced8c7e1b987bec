"""The history as Chat Completions messages.

Chat has no order inside an assistant turn: it is one content string and a list of calls. Each call's result must
follow directly behind its turn, and a result is text only; so images in results go into one user message behind them.
"""

from collections.abc import Sequence

from wsgi_gateway.protocols import data_url
from wsgi_gateway.protocols.conversation import (
    Conversation,
    Document,
    Image,
    Json,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.custom_tools import function_arguments
from wsgi_gateway.protocols.translation import Translation


def write_messages(conversation: Conversation, translation: Translation) -> list[Json]:
    """Raises ApiError where calls and results do not pair up, or for a part that Chat cannot hold."""
    writer = _MessagesWriter(translation)
    if conversation.instructions:
        writer.add_message(Message(role="developer", parts=list(conversation.instructions)))
    for item in conversation.items:
        match item:
            case Message(role="assistant"):
                writer.add_assistant_text(item)
            case Message():
                writer.add_message(item)
            case Reasoning():
                writer.add_reasoning(item)
            case ToolCall():
                writer.add_call(item)
            case ToolResult():
                writer.add_result(item)
    writer.end_turn()
    if conversation.api == "messages" and writer.messages[-1:] and _is_prefill(writer.messages[-1]):
        translation.loss.refuse(
            "items", "the last message is the assistant's, and the upstream cannot continue it"
        )
    return writer.messages


def _is_prefill(message: Json) -> bool:
    return message["role"] == "assistant" and "tool_calls" not in message


class _MessagesWriter:
    def __init__(self, translation: Translation) -> None:
        self.messages: list[Json] = []
        self._translation = translation
        self._loss = translation.loss
        self._assistant: Json | None = None
        self._reasoning: list[str] = []
        self._waiting: list[str] = []
        self._results: dict[str, Json] = {}
        self._media: list[Json] = []

    def add_message(self, message: Message) -> None:
        self.end_turn()
        role = message.role
        if role == "developer" and not self._translation.capabilities.openai_fields:
            role = "system"
        content = self._content(message.parts)
        if not content:
            return
        body: Json = {"role": role, "content": content}
        if message.name:
            body["name"] = message.name
        self.messages.append(body)

    def add_assistant_text(self, message: Message) -> None:
        if self._waiting:
            self._loss.approximated("items", "text behind tool calls was moved before them")
        turn = self._turn()
        text = "".join(part.text for part in message.parts if isinstance(part, Text))
        refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
        if text:
            turn["content"] = (turn["content"] or "") + text
        if refusal:
            turn["refusal"] = turn.get("refusal", "") + refusal
        if any(not isinstance(part, Text | Refusal) for part in message.parts):
            self._loss.approximated("items", "an image or file in an assistant turn was left out")
        if message.name:
            turn["name"] = message.name

    def add_reasoning(self, reasoning: Reasoning) -> None:
        """Chat hosts have no proof; those that want their own readable reasoning back get it."""
        proof = reasoning.proof
        own = proof is None or (
            proof.kind == "none" and proof.origin in (None, self._translation.origin)
        )
        if own and reasoning.text and self._translation.capabilities.wants_reasoning_back:
            if self._results:
                self.end_turn()
            self._reasoning.append(reasoning.text)
        else:
            self._loss.dropped(
                "reasoning history", "earlier reasoning is not sent to this upstream"
            )

    def add_call(self, call: ToolCall) -> None:
        turn = self._turn()
        aliases = self._translation.aliases
        call_id = aliases.call_id(call.id)
        if call_id in self._waiting:
            self._loss.refuse("items", f"two tool calls have the id {call.id!r}")
        self._waiting.append(call_id)
        arguments = function_arguments(call) or "{}"
        name = aliases.tool(call.name, call.namespace, call.custom)
        turn.setdefault("tool_calls", []).append(
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        )

    def add_result(self, result: ToolResult) -> None:
        call_id = self._translation.aliases.call_id(result.call_id)
        if call_id not in self._waiting or call_id in self._results:
            self._loss.refuse("items", f"a tool result for {result.call_id!r} answers no open call")
        texts = [part.text for part in result.parts if isinstance(part, Text | Refusal)]
        media = [part for part in result.parts if not isinstance(part, Text | Refusal)]
        if media:
            self._loss.approximated(
                "items", "images and files of tool results follow in a user message"
            )
            texts.append("[attached below]")
            self._media.append({"type": "text", "text": f"Attachment of tool result {call_id}:"})
            self._media += [self._part(part) for part in media]
        content = "\n".join(texts)
        if result.is_error:
            self._loss.approximated("items", "is_error became the prefix 'Error:'")
            content = f"Error: {content}"
        if result.cache:
            self._loss.dropped("cache_control")
        self._results[call_id] = {"role": "tool", "tool_call_id": call_id, "content": content}

    def end_turn(self) -> None:
        """Write out the assistant turn, then its results in the order of its calls, then their media."""
        if self._assistant is not None:
            self.messages.append(self._assistant)
        for call_id in self._waiting:
            if call_id not in self._results:
                self._loss.refuse("items", f"the tool call {call_id!r} has no result")
            self.messages.append(self._results[call_id])
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
        self._assistant, self._reasoning = None, []
        self._waiting, self._results, self._media = [], {}, []

    def _turn(self) -> Json:
        """The assistant message in the making; what follows a result begins a new one."""
        if self._results:
            self.end_turn()
        if self._assistant is None:
            self._assistant = {"role": "assistant", "content": None}
        if self._reasoning:
            self._assistant["reasoning_content"] = "\n\n".join(self._reasoning)
        return self._assistant

    def _content(self, parts: Sequence[Part]) -> str | list[Json]:
        """One plain string where it is one text, as the plainest hosts accept nothing else."""
        if len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].cache:
            return parts[0].text
        return [self._part(part) for part in parts if not isinstance(part, Text) or part.text]

    def _part(self, part: Part) -> Json:
        if isinstance(part, Text | Image | Document) and part.cache:
            self._loss.dropped("cache_control")
        match part:
            case Text() | Refusal():
                return {"type": "text", "text": part.text}
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)

    def _image(self, image: Image) -> Json:
        if image.file_id is not None:
            self._loss.refuse("items", "an image's file id is known to its own provider only")
        url = image.url or data_url.join(image.media_type, image.data or "")
        body: Json = {"url": url}
        if image.detail:
            body["detail"] = image.detail
        return {"type": "image_url", "image_url": body}

    def _document(self, document: Document) -> Json:
        if document.text is not None:
            self._loss.approximated("items", "a text document was sent as plain text")
            title = f"{document.filename}:\n" if document.filename else ""
            return {"type": "text", "text": title + document.text}
        if document.data is None:
            self._loss.refuse(
                "items", "the upstream's API takes documents as data, not by URL or file id"
            )
        return {
            "type": "file",
            "file": {
                "filename": document.filename or "document.pdf",
                "file_data": data_url.join(document.media_type, document.data),
            },
        }
