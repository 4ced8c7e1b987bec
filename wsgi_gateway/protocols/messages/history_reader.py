"""The ``messages`` of a client's request, read into items.

A turn's blocks keep their order, except that tool results come before what else their user turn
says, as the API itself demands. The contents of single blocks are the job of ``blocks_reader``.
"""

from itertools import groupby
from typing import Literal

from wsgi_gateway.protocols.conversation import (
    Item,
    Message,
    Part,
    Proof,
    Reasoning,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.blocks_reader import read_blocks, read_parts
from wsgi_gateway.protocols.seal import is_sealed, unseal


def read_messages(messages: list[wire.Message], loss: Loss) -> list[Item]:
    """In order, each placed. Raises ApiError naming the block that no other API can carry."""
    reader = _HistoryReader(loss)
    items: list[Item] = []
    for role, run in groupby(enumerate(messages), key=lambda pair: pair[1].role):
        turns = [(f"messages[{position}]", message) for position, message in run]
        match role:
            case "system":
                items += [reader.system_turn(turn, path) for path, turn in turns]
            case "user":
                items += reader.user_turns(turns)
            case "assistant":
                for path, turn in turns:
                    items += reader.assistant_turn(turn, path)
    return items


class _HistoryReader:
    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def system_turn(self, turn: wire.Message, path: str) -> Message:
        parts = read_parts(turn.content, f"{path}.content", self._loss)
        return self._loss.at(path, Message(role="system", parts=parts))

    def user_turns(self, turns: list[tuple[str, wire.Message]]) -> list[Item]:
        """A run of user turns, which the API takes for one: its results first."""
        results: list[Item] = []
        messages: list[Item] = []
        for path, turn in turns:
            parts: list[Part] = []
            if isinstance(turn.content, str):
                parts = read_parts(turn.content, f"{path}.content", self._loss)
            else:
                for number, block in enumerate(turn.content):
                    at = f"{path}.content[{number}]"
                    if isinstance(block, wire.ToolResultBlock):
                        results.append(self._result(block, at))
                    else:
                        parts += read_blocks(block, at, self._loss)
            if parts:
                messages.append(self._loss.at(path, Message(role="user", parts=parts)))
        return results + messages

    def assistant_turn(self, turn: wire.Message, path: str) -> list[Item]:
        """Neighbouring texts become one message; everything keeps its place."""
        if isinstance(turn.content, str):
            parts = read_parts(turn.content, f"{path}.content", self._loss)
            return [self._loss.at(path, Message(role="assistant", parts=parts))]
        items: list[Item] = []
        for number, block in enumerate(turn.content):
            at = f"{path}.content[{number}]"
            match block:
                case wire.ThinkingBlock():
                    proof = self._proof("signature", block.signature, at)
                    items.append(self._loss.at(at, Reasoning(text=block.thinking, proof=proof)))
                case wire.RedactedThinkingBlock():
                    proof = self._proof("redacted", block.data, at)
                    items.append(self._loss.at(at, Reasoning(proof=proof)))
                case wire.ToolUseBlock():
                    items.append(self._call(block, at))
                case _:
                    parts = read_blocks(block, at, self._loss)
                    last = items[-1] if items else None
                    if isinstance(last, Message):
                        last.parts += parts
                    else:
                        message = Message(role="assistant", parts=parts)
                        items.append(self._loss.at(path, message))
        return items

    def _call(self, block: wire.ToolUseBlock, path: str) -> ToolCall:
        if block.cache_control:
            self._loss.dropped(f"{path}.cache_control")
        if (block.caller or {}).get("type", "direct") != "direct":
            self._loss.refuse(f"{path}.caller", "code that calls tools runs at Anthropic only")
        if block.toolset_name:
            self._loss.refuse(f"{path}.toolset_name", "the upstream's API has no toolsets")
        arguments = encode(block.input).decode()
        return self._loss.at(path, ToolCall(id=block.id, name=block.name, arguments=arguments))

    def _result(self, block: wire.ToolResultBlock, path: str) -> ToolResult:
        result = ToolResult(
            call_id=block.tool_use_id,
            parts=read_parts(block.content or [], f"{path}.content", self._loss),
            is_error=bool(block.is_error),
            cache=block.cache_control,
        )
        return self._loss.at(path, result)

    def _proof(self, kind: Literal["signature", "redacted"], token: str, path: str) -> Proof:
        """What is not sealed is Anthropic's own, or of whoever the client believes it talks to."""
        if token and not is_sealed(token):
            return Proof(kind=kind, value=token)
        proof = unseal(token)
        if token and proof is None:
            self._loss.dropped(path, "its proof was the gateway's own, and was edited or cut since")
        return proof or Proof(kind="none")
