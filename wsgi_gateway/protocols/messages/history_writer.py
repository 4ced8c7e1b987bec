"""The items of a conversation as ``system`` and ``messages`` of an upstream of Messages.

Theory of operation. Items are gathered into turns. The results of all calls of an assistant turn
belong into the user turn directly behind it, first in it; so each call is paired with its result
beforehand, and its result is placed as soon as the assistant's turn is over. ``turns.settle`` then
mends what the order of roles still lacks.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec
from msgspec import Struct

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
from wsgi_gateway.protocols.custom_tools import function_arguments
from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.messages.blocks_writer import write_blocks
from wsgi_gateway.protocols.messages.turns import Turn, settle
from wsgi_gateway.protocols.translation import Translation


def write_history(
    conversation: Conversation, translation: Translation
) -> tuple[list[Json], list[Json]]:
    """The blocks of ``system``, and ``messages``.

    Raises ApiError where calls and results do not pair up, or for a part that Messages cannot hold.
    """
    writer = _HistoryWriter(conversation, translation)
    turns = settle(writer.turns, translation)
    if not turns:
        if not writer.system:
            translation.loss.refuse("items", "there is nothing to answer")
        last = writer.system.pop()
        translation.loss.approximated(last, "the last system message became the user's")
        turns = [Turn("user", [last])]
    return writer.system, [{"role": turn.role, "content": turn.blocks} for turn in turns]


class _Pair(Struct):
    """A call's id on the wire, its result, the result's position and the turn it is put into."""

    call_id: str
    result: ToolResult
    position: int
    turn: Turn | None = None


class _HistoryWriter:
    def __init__(self, conversation: Conversation, translation: Translation) -> None:
        self._translation = translation
        self._loss = translation.loss
        self.system = write_blocks(conversation.instructions, translation)
        self.turns: list[Turn] = []
        self._pairs = _pair_up(conversation.items, translation)
        self._unanswered: list[_Pair] = []
        for position, item in enumerate(conversation.items):
            self._add(position, item)
        self._place_results()

    def _add(self, position: int, item: Item) -> None:
        match item:
            case Message():
                self._add_message(item)
            case Reasoning():
                self._add_reasoning(item)
            case ToolCall():
                self._turn("assistant").blocks.append(self._tool_use(position, item))
                self._unanswered.append(self._pairs[position])
            case ToolResult():
                self._place_results()
                if self._pairs[position].turn is not self.turns[-1]:
                    self._loss.approximated(item, "a tool result was moved up behind its call")

    def _turn(self, role: str) -> Turn:
        if role != "assistant":
            self._place_results()
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role))
        return self.turns[-1]

    def _place_results(self) -> None:
        """All results of the assistant's turn, in the order that the client gave them."""
        if not self._unanswered:
            return
        turn = Turn("user")
        for pair in sorted(self._unanswered, key=lambda pair: pair.position):
            pair.turn = turn
            turn.blocks.append(_tool_result(pair.call_id, pair.result, self._translation))
        self._unanswered = []
        self.turns.append(turn)

    def _add_message(self, message: Message) -> None:
        blocks = write_blocks(self._parts(message), self._translation)
        if message.phase:
            self._loss.dropped(message, "its phase: no such field upstream")
        match message.role:
            case "assistant":
                self._add_answer(blocks)
            case "user":
                self._turn("user").blocks += blocks
            case _ if not self.turns:
                self.system += blocks
            case _:
                self._turn("system").blocks += blocks

    def _parts(self, message: Message) -> Sequence[Part]:
        """Only users show images and files; and nobody has a name."""
        parts: list[Part] = []
        for part in message.parts:
            if message.role == "user" or isinstance(part, Text | Refusal):
                parts.append(part)
            elif message.role == "assistant":
                self._loss.approximated(part, "an image in an assistant turn was left out")
            else:
                self._loss.refuse(part, f"a {message.role} message must be text")
        if message.name and parts:
            self._loss.approximated(message, "a participant's name was put before the text")
            return [self._loss.follow(message, Text(text=f"{message.name}:")), *parts]
        return parts

    def _add_answer(self, blocks: list[Json]) -> None:
        """Calls are last in a turn."""
        turn = self._turn("assistant")
        kinds = [block["type"] for block in turn.blocks]
        if blocks and "tool_use" in kinds:
            self._loss.approximated(blocks[0], "text behind tool calls was moved before them")
            at = kinds.index("tool_use")
            turn.blocks[at:at] = blocks
        else:
            turn.blocks += blocks

    def _add_reasoning(self, reasoning: Reasoning) -> None:
        """Proof of another provider would be refused; without proof there is nothing to send."""
        proof = reasoning.proof
        block: Json | None = None
        if proof is not None and proof.origin in (None, self._translation.origin):
            if proof.kind == "signature":
                block = {"type": "thinking", "thinking": reasoning.text, "signature": proof.value}
            elif proof.kind == "redacted":
                block = {"type": "redacted_thinking", "data": proof.value}
        if block is None:
            self._loss.dropped(reasoning, "earlier reasoning is not this upstream's own")
        else:
            self._turn("assistant").blocks.append(self._loss.follow(reasoning, block))

    def _tool_use(self, position: int, call: ToolCall) -> Json:
        name = self._translation.aliases.tool(call.name, call.namespace, call.custom)
        block = {
            "type": "tool_use",
            "id": self._pairs[position].call_id,
            "name": name,
            "input": self._input(call),
        }
        return self._loss.follow(call, block)

    def _input(self, call: ToolCall) -> Json | msgspec.Raw:
        """Verbatim, so that no number loses digits."""
        arguments = function_arguments(call)
        if parse_arguments(arguments) is None:
            self._loss.approximated(call, "arguments that are no JSON object went into _raw")
            return {"_raw": arguments}
        return msgspec.Raw(arguments.encode()) if arguments.strip() else {}


def _pair_up(items: Sequence[Item], translation: Translation) -> dict[int, _Pair]:
    """By position of call and result. Ids that a host counts anew each turn are made unique."""
    pairs: dict[int, _Pair] = {}
    calls: dict[str, int] = {}
    uses: Counter[str] = Counter()
    loss = translation.loss
    for position, item in enumerate(items):
        if isinstance(item, ToolCall):
            if item.id in calls:
                loss.refuse(item, f"two tool calls have the id {item.id!r}")
            calls[item.id] = position
        elif isinstance(item, ToolResult):
            if item.call_id not in calls:
                loss.refuse(item, f"a tool result for {item.call_id!r} answers no open call")
            call_id = translation.aliases.call_id(item.call_id)
            uses[call_id] += 1
            if uses[call_id] > 1:
                call_id = f"{call_id}_{uses[call_id]}"
            pair = _Pair(call_id, item, position)
            pairs[calls.pop(item.call_id)] = pairs[position] = pair
    for call_id, position in calls.items():
        loss.refuse(items[position], f"the tool call {call_id!r} has no result")
    return pairs


def _tool_result(call_id: str, result: ToolResult, translation: Translation) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": call_id}
    content = write_blocks(result.parts, translation)
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        block["content"] = content[0]["text"]
    elif content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    if result.cache:
        block["cache_control"] = result.cache
    return translation.loss.follow(result, block)
