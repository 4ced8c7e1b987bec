"""The history as Chat Completions messages.

Chat has no order inside an assistant turn: it is one content and a list of calls. Each call's result must
follow directly behind its turn, and a result is text only; so images in results go into one user message behind them.
"""

from wsgi_gateway.protocols.chat_completions.parts_writer import plain, write_content, write_part
from wsgi_gateway.protocols.chat_completions.reasoning_details import proven_details, proven_extra
from wsgi_gateway.protocols.conversation import (
    Conversation,
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
            conversation.items[-1],
            "the last message is the assistant's, and the upstream cannot continue it",
        )
    limit_breakpoints(writer.messages, translation.loss)
    return writer.messages


def _is_prefill(message: Json) -> bool:
    return message["role"] == "assistant" and "tool_calls" not in message


class _MessagesWriter:
    def __init__(self, translation: Translation) -> None:
        self.messages: list[Json] = []
        self._translation = translation
        self._loss = translation.loss
        self._begin_turn()

    def _begin_turn(self) -> None:
        self._assistant: Json | None = None
        self._content: list[Json] = []
        self._thoughts: list[Reasoning] = []
        self._calls: dict[str, Json] = {}
        self._waiting: dict[str, ToolCall] = {}
        self._results: dict[str, Json] = {}
        self._media: list[Json] = []

    def add_message(self, message: Message) -> None:
        self.end_turn()
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
        if message.phase:
            self._loss.dropped(message, "phase has no place in the upstream's API")

    def add_assistant_text(self, message: Message) -> None:
        self._drop_phase(message)
        turn = self._turn()
        if self._waiting:
            self._loss.approximated(message, "text behind tool calls was moved before them")
        for part in message.parts:
            match part:
                case Text() if part.text:
                    self._say(write_part(part, self._translation))
                case Text():
                    pass
                case Refusal():
                    turn["refusal"] = turn.get("refusal", "") + part.text
                case _:
                    self._loss.approximated(part, "left out: the assistant can send text only")
        if message.name:
            turn["name"] = message.name

    def _say(self, text: Json) -> None:
        """Texts are joined as they are, up to a cache breakpoint."""
        last = self._content[-1] if self._content else None
        if last is not None and set(last) == {"type", "text"}:
            self._content[-1] = text | {"text": last["text"] + text["text"]}
        else:
            self._content.append(text)

    def add_reasoning(self, reasoning: Reasoning) -> None:
        """It goes where the turn it belongs to is written: its call may come yet."""
        if self._results:
            self.end_turn()
        self._thoughts.append(reasoning)

    def add_call(self, call: ToolCall) -> None:
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

    def add_result(self, result: ToolResult) -> None:
        call_id = self._translation.aliases.call_id(result.call_id)
        if call_id not in self._waiting or call_id in self._results:
            self._loss.refuse(result, f"a tool result for {result.call_id!r} answers no open call")
        message = {"role": "tool", "tool_call_id": call_id, "content": self._output(result)}
        self._results[call_id] = message
        media = [part for part in result.parts if not isinstance(part, Text | Refusal)]
        if media:
            self._media.append({"type": "text", "text": f"Attachment of tool result {call_id}:"})
            for part in media:
                self._loss.approximated(part, "it follows the tool's result in a user message")
                self._media.append(write_part(part, self._translation))

    def _output(self, result: ToolResult) -> str | list[Json]:
        """The result's texts on lines of their own, with their cache breakpoints where it has any."""
        texts = [part for part in result.parts if isinstance(part, Text | Refusal)]
        content = [write_part(part, self._translation) for part in texts]
        if len(texts) < len(result.parts):
            content.append({"type": "text", "text": "[attached below]"})
        if result.is_error:
            self._loss.approximated(result, "is_error became the prefix 'Error:'")
            content = content or [{"type": "text", "text": ""}]
            content[0]["text"] = f"Error: {content[0]['text']}"
        mark = breakpoint_of_cache(result, result.cache, self._translation)
        if mark and content:
            content[-1] |= mark
        if any(set(part) != {"type", "text"} for part in content):
            return content
        return "\n".join(part["text"] for part in content)

    def end_turn(self) -> None:
        """Write out the assistant turn, then its results in the order of its calls, then their media."""
        for thought in self._thoughts:
            if not self._return_thought(thought):
                self._loss.dropped(thought, "reasoning history that this upstream did not ask back")
        if self._assistant is not None:
            says_else = {"tool_calls", "refusal"} & set(self._assistant)
            self._assistant["content"] = plain(self._content) or (None if says_else else "")
            self.messages.append(self._assistant)
        for call_id, call in self._waiting.items():
            if call_id not in self._results:
                self._loss.refuse(call, f"the tool call {call.id!r} has no result")
            self.messages.append(self._results[call_id])
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
        self._begin_turn()

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
