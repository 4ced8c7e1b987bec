"""The items of a conversation as ``system`` and ``messages`` of an upstream of Messages.

Theory of operation. Items are gathered into turns. The results of all calls of an assistant turn
belong into the user turn directly behind it, first in it; so each call is paired with its result
beforehand, and its result is placed as soon as the assistant's turn is over. ``turns.settle`` then
mends what the order of roles still lacks.
"""

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
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.custom_tools import function_arguments
from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.messages.blocks_writer import text_block, write_blocks, write_content
from wsgi_gateway.protocols.messages.turns import Turn, settle
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.tool_pairs import ToolPairs
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import is_blank


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


class _Pair(Struct, gc=False):
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
            if type(item) is Message:
                self._add_message(item)
            elif type(item) is ToolCall:
                self._add_call(item, self._pairs[position])
            elif type(item) is ToolResult:
                self._add_result(item, self._pairs[position])
            elif type(item) is Reasoning:
                self._add_reasoning(item)
        self._place_results()

    def _add_call(self, call: ToolCall, pair: _Pair) -> None:
        self._say("assistant", [self._tool_use(call, pair.call_id)])
        self._unanswered.append(pair)

    def _add_result(self, result: ToolResult, pair: _Pair) -> None:
        self._place_results()
        if pair.turn is not self.turns[-1]:
            self._loss.approximated(result, "a tool result was moved up behind its call")

    def _say(self, role: str, blocks: list[Json]) -> None:
        if self._unanswered and role != "assistant":
            self._place_results()
        if self.turns and self.turns[-1].role == role:
            self.turns[-1].blocks += blocks
        else:
            self.turns.append(Turn(role, blocks))

    def _place_results(self) -> None:
        """All results of the assistant's turn, in the order that the client gave them."""
        if not self._unanswered:
            return
        turn = Turn("user")
        if len(self._unanswered) > 1:
            self._unanswered.sort(key=lambda pair: pair.position)
        for pair in self._unanswered:
            pair.turn = turn
            turn.blocks.append(_tool_result(pair.call_id, pair.result, self._translation))
        self._unanswered = []
        self.turns.append(turn)

    def _add_message(self, message: Message) -> None:
        words = None if message.name else plain_words(message.parts)
        if words is None:
            blocks = write_blocks(self._parts(message), self._translation)
        elif not is_blank(words):
            # Nearly all messages are such.
            blocks = [self._loss.follow(message.parts[0], text_block(words))]
        else:
            blocks = []
        if message.phase:
            self._loss.dropped(message, "its phase: no such field upstream")
        match message.role:
            case "assistant":
                self._add_answer(blocks)
            case "user":
                self._say("user", blocks)
            case _ if not self.turns:
                self.system += blocks
            case _:
                self._say("system", blocks)

    def _parts(self, message: Message) -> Sequence[Part]:
        """Only users show images and files; and nobody has a name."""
        parts = message.parts
        if message.role != "user":
            parts = [part for part in parts if self._is_said(part, message.role)]
        if message.name and parts:
            self._loss.approximated(message, "a participant's name was put before the text")
            return [self._loss.follow(message, Text(words=f"{message.name}:")), *parts]
        return parts

    def _is_said(self, part: Part, role: Role) -> bool:
        if type(part) is Text or type(part) is Refusal:
            return True
        if role != "assistant":
            self._loss.refuse(part, f"a {role} message must be text")
        self._loss.approximated(part, "an image in an assistant turn was left out")
        return False

    def _add_answer(self, blocks: list[Json]) -> None:
        """Calls are last in a turn."""
        if not blocks or not self._unanswered:
            self._say("assistant", blocks)
            return
        self._loss.approximated(blocks[0], "text behind tool calls was moved before them")
        before = self.turns[-1].blocks
        at = [block["type"] for block in before].index("tool_use")
        before[at:at] = blocks

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
            self._say("assistant", [self._loss.follow(reasoning, block)])

    def _tool_use(self, call: ToolCall, call_id: str) -> Json:
        name = self._translation.aliases.tool(call.name, call.namespace, call.custom)
        block = {
            "type": "tool_use",
            "id": call_id,
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
    """By position of call and result."""
    pairs: dict[int, _Pair] = {}
    calls: dict[str, int] = {}
    tools = ToolPairs(translation)
    for position, item in enumerate(items):
        if type(item) is ToolCall:
            calls[tools.call(item)] = position
        elif type(item) is ToolResult:
            call_id, _ = tools.result(item)
            pairs[calls[call_id]] = pairs[position] = _Pair(call_id, item, position)
    tools.check()
    return pairs


def _tool_result(call_id: str, result: ToolResult, translation: Translation) -> Json:
    block: Json = {"type": "tool_result", "tool_use_id": call_id}
    content = write_content(result.parts, translation)
    if content:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    if result.cache:
        block["cache_control"] = result.cache
        translation.breakpoints += 1
    return translation.loss.follow(result, block)
