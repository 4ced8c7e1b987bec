"""The history as Chat Completions messages.

Chat has no order inside an assistant turn: it is one content and a list of calls. Each call's result must
follow directly behind its turn, so one that was told later is moved up; and a result is text only, so images in results
go into one user message behind them.
"""

from collections.abc import Sequence

from wsgi_gateway.protocols.chat_completions.parts_writer import plain, write_content, write_part
from wsgi_gateway.protocols.chat_completions.reasoning_details import proven_details, proven_extra
from wsgi_gateway.protocols.conversation import (
    Conversation,
    Item,
    Json,
    Message,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.custom_tools import function_arguments
from wsgi_gateway.protocols.openai_requests import breakpoint_of_cache, limit_breakpoints
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.tool_pairs import ToolPairs
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import Words, text_of


def write_messages(conversation: Conversation, translation: Translation) -> list[Json]:
    """Raises ApiError where calls and results do not pair up, or for a part that Chat cannot hold."""
    writer = _MessagesWriter(conversation.items, translation)
    if conversation.instructions:
        writer.add_message(Message(role="developer", parts=list(conversation.instructions)))
    writer.add_items()
    if conversation.api == "messages" and writer.messages[-1:] and _is_prefill(writer.messages[-1]):
        translation.loss.refuse(
            conversation.items[-1],
            "the last message is the assistant's, and the upstream cannot continue it",
        )
    limit_breakpoints(writer.messages, translation)
    return writer.messages


def _joined(texts: list[Json]) -> list[Json]:
    """Texts are joined as they are, up to a cache breakpoint."""
    if len(texts) < 2:
        return texts
    joined: list[Json] = []
    said: list[str] = []
    for text in texts:
        said.append(text_of(text["text"]))
        if len(text) > 2 or text is texts[-1]:
            joined.append(text | {"text": "".join(said)})
            said = []
    return joined


def _answers(items: Sequence[Item], translation: Translation) -> dict[int, ToolResult]:
    """The result of each call, known by its ``id()``: a host may count its own ids anew each turn."""
    answers: dict[int, ToolResult] = {}
    tools = ToolPairs(translation)
    for item in items:
        if type(item) is ToolCall:
            tools.call(item)
        elif type(item) is ToolResult:
            _, call = tools.result(item)
            answers[id(call)] = item
    tools.check()
    return answers


def _is_prefill(message: Json) -> bool:
    return message["role"] == "assistant" and "tool_calls" not in message


class _MessagesWriter:
    def __init__(self, items: Sequence[Item], translation: Translation) -> None:
        self.messages: list[Json] = []
        self._items = items
        self._answers: dict[int, ToolResult] | None = None
        self._moved: set[int] = set()
        self._translation = translation
        self._loss = translation.loss
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._assistant: Json | None = None
        self._texts: list[Json] = []
        self._thoughts: list[Reasoning] = []
        self._calls: dict[str, Json] = {}
        self._waiting: dict[str, ToolCall] = {}
        self._results: dict[str, Json] = {}
        self._media: list[Json] = []

    def add_items(self) -> None:
        for item in self._items:
            self._add(item)
        self.end_turn()

    def _add(self, item: Item) -> None:
        if type(item) is Message:
            if item.role == "assistant":
                self._add_assistant_text(item)
            else:
                self.add_message(item)
        elif type(item) is ToolCall:
            self._add_call(item)
        elif type(item) is ToolResult:
            if not self._moved or id(item) not in self._moved:
                self._add_result(item)
        elif type(item) is Reasoning:
            self._add_reasoning(item)

    def add_message(self, message: Message) -> None:
        self.end_turn()
        if message.phase:
            self._drop_phase(message)
        role = message.role
        if role == "developer" and not self._translation.capabilities.openai_fields:
            role = "system"
        content = write_content(message.parts, self._translation)
        if not content:
            return
        body: Json = {"role": role, "content": content}
        if message.name:
            body["name"] = message.name
        self.messages.append(body)

    def _drop_phase(self, message: Message) -> None:
        self._loss.dropped(message, "phase has no place in the upstream's API")

    def _add_assistant_text(self, message: Message) -> None:
        if message.phase:
            self._drop_phase(message)
        turn = self._turn()
        if self._waiting:
            self._loss.approximated(message, "text behind tool calls was moved before them")
        for part in message.parts:
            if type(part) is Text:
                if part.words:
                    self._texts.append(write_part(part, self._translation))
            elif type(part) is Refusal:
                turn["refusal"] = turn.get("refusal", "") + part.text
            else:
                self._loss.approximated(part, "left out: the assistant can send text only")
        if message.name:
            turn["name"] = message.name

    def _add_reasoning(self, reasoning: Reasoning) -> None:
        """It goes where the turn it belongs to is written: its call may come yet."""
        if self._results:
            self.end_turn()
        self._thoughts.append(reasoning)

    def _add_call(self, call: ToolCall) -> None:
        turn = self._turn()
        aliases = self._translation.aliases
        call_id = aliases.call_id(call.id)
        if call_id in self._waiting:
            self._loss.refuse(call, f"two tool calls have the id {call.id!r}")
        name = aliases.tool(call.name, call.namespace, call.custom)
        if call.custom and self._translation.capabilities.custom_tools:
            body: Json = {"type": "custom", "custom": {"name": name, "input": call.arguments}}
        else:
            arguments = function_arguments(call) or "{}"
            body = {"type": "function", "function": {"name": name, "arguments": arguments}}
        self._waiting[call_id] = call
        self._calls[call.id] = {"id": call_id, **body}
        turn.setdefault("tool_calls", []).append(self._calls[call.id])

    def _add_result(self, result: ToolResult) -> None:
        call_id = self._translation.aliases.call_id(result.call_id)
        if call_id not in self._waiting or call_id in self._results:
            self._loss.refuse(result, f"a tool result for {result.call_id!r} answers no open call")
        words = None if result.is_error or result.cache else plain_words(result.parts)
        content = self._output(result) if words is None else words
        self._results[call_id] = {"role": "tool", "tool_call_id": call_id, "content": content}
        if words is None:
            self._attach(result, call_id)

    def _attach(self, result: ToolResult, call_id: str) -> None:
        """Put what is no text into the message behind the results."""
        media = [part for part in result.parts if not isinstance(part, Text | Refusal)]
        if media:
            self._media.append({"type": "text", "text": f"Attachment of tool result {call_id}:"})
            for part in media:
                self._loss.approximated(part, "it follows the tool's result in a user message")
                self._media.append(write_part(part, self._translation))

    def _output(self, result: ToolResult) -> Words | list[Json]:
        """The result's texts on lines of their own, with their cache breakpoints where it has any."""
        texts = [part for part in result.parts if isinstance(part, Text | Refusal)]
        content = [write_part(part, self._translation) for part in texts]
        if len(texts) < len(result.parts):
            content.append({"type": "text", "text": "[attached below]"})
        if result.is_error:
            self._loss.approximated(result, "is_error became the prefix 'Error:'")
            content = content or [{"type": "text", "text": ""}]
            content[0]["text"] = f"Error: {text_of(content[0]['text'])}"
        mark = breakpoint_of_cache(result, result.cache, self._translation)
        if mark and content:
            content[-1] |= mark
        if any(set(part) != {"type", "text"} for part in content):
            return content
        return "\n".join(text_of(part["text"]) for part in content)

    def end_turn(self) -> None:
        """Write out the assistant turn, then its results in the order of its calls, then their media."""
        if self._assistant is None and not self._thoughts:
            return
        for thought in self._thoughts:
            if not self._return_thought(thought):
                self._loss.dropped(thought, "reasoning history that this upstream did not ask back")
        if self._assistant is not None:
            says_else = "tool_calls" in self._assistant or "refusal" in self._assistant
            content = plain(_joined(self._texts))
            self._assistant["content"] = content or (None if says_else else "")
            self.messages.append(self._assistant)
        for call_id, call in self._waiting.items():
            if call_id not in self._results:
                self._add_result(self._later_result(call))
            self.messages.append(self._results[call_id])
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
        self._begin_turn()

    def _later_result(self, call: ToolCall) -> ToolResult:
        """The result that comes only behind something else: a user's word, or what another call gave."""
        if self._answers is None:
            self._answers = _answers(self._items, self._translation)
        result = self._answers[id(call)]
        self._moved.add(id(result))
        self._loss.approximated(result, "a tool result was moved up behind its call")
        return result

    def _return_thought(self, thought: Reasoning) -> bool:
        """What a host proved goes back to that host; readable text to those that want their own back."""
        proof = thought.proof or Proof(kind="none")
        if self._assistant is None or proof.origin not in (None, self._translation.origin):
            return False
        proven = self._return_proof(self._assistant, proof)
        told = proof.kind in ("none", "details") and self._return_text(self._assistant, thought)
        return proven or told

    def _return_proof(self, turn: Json, proof: Proof) -> bool:
        details, extra = proven_details(proof), proven_extra(proof)
        if details is not None:
            turn["reasoning_details"] = [*turn.get("reasoning_details", ()), *details]
            return True
        holder = turn if proof.item_id is None else self._calls.get(proof.item_id)
        if extra is None or holder is None:
            return False
        holder["extra_content"] = extra
        return True

    def _return_text(self, turn: Json, thought: Reasoning) -> bool:
        if not thought.text or not self._translation.capabilities.wants_reasoning_back:
            return False
        before = turn.get("reasoning_content")
        turn["reasoning_content"] = f"{before}\n\n{thought.text}" if before else thought.text
        return True

    def _turn(self) -> Json:
        """The assistant message in the making; what follows a result begins a new one."""
        if self._results:
            self.end_turn()
        if self._assistant is None:
            self._assistant = {"role": "assistant", "content": None}
        return self._assistant
