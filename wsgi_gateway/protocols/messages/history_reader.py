"""The ``messages`` of a client's request, read into items.

A turn's blocks keep their order, except that tool results come before what else their user turn
says, as the API itself demands. The contents of single blocks are the job of ``blocks_reader``.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Raw

from wsgi_gateway.protocols.conversation import (
    Item,
    Message,
    Part,
    Proof,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.messages.blocks_reader import plain_text, read_blocks, read_parts
from wsgi_gateway.protocols.seal import is_sealed, unseal


def read_messages(messages: Sequence[wire.Message[wire.Block]], loss: Loss) -> list[Item]:
    """In order, each placed. Raises ApiError naming the block that no other API can carry."""
    reader = _HistoryReader(loss)
    for position, message in enumerate(messages):
        reader.read(message, f"messages[{position}]")
    reader.end_run()
    return reader.items


class _HistoryReader:
    def __init__(self, loss: Loss) -> None:
        self.items: list[Item] = []
        self._loss = loss
        self._asked: list[Item] = []

    def read(self, turn: wire.Message[wire.Block], path: str) -> None:
        content = turn.content
        if turn.role != "user":
            self.end_run()
        if isinstance(content, str):
            self._text(turn.role, Text(words=content), path, ".content")
        elif (plain := plain_text(content)) is not None:
            self._text(turn.role, plain, path, ".content[0]")
        elif turn.role == "user":
            self._user_blocks(content, path)
        elif turn.role == "assistant":
            self._assistant_blocks(content, path)
        else:
            parts = read_parts(content, f"{path}.content", self._loss)
            self.items.append(self._loss.at(path, Message(role=turn.role, parts=parts)))

    def _text(self, role: Role, text: Text, path: str, inner: str) -> None:
        """A turn that says nothing else, as most do."""
        said = self._asked if role == "user" else self.items
        said.append(self._loss.around(path, inner, Message(role=role, parts=[text])))

    def end_run(self) -> None:
        """A run of user turns is over, which the API takes for one: what it says stands behind its results."""
        if self._asked:
            self.items += self._asked
            self._asked = []

    def _user_blocks(self, blocks: Sequence[wire.Block], path: str) -> None:
        parts: list[Part] = []
        for number, block in enumerate(blocks):
            at = f"{path}.content[{number}]"
            if type(block) is wire.ToolResultBlock:
                self.items.append(self._result(block, at))
            else:
                parts += read_blocks(block, at, self._loss)
        if parts:
            self._asked.append(self._loss.at(path, Message(role="user", parts=parts)))

    def _assistant_blocks(self, blocks: Sequence[wire.Block], path: str) -> None:
        """Neighbouring texts become one message; everything keeps its place."""
        said: Message | None = None
        for number, block in enumerate(blocks):
            at = f"{path}.content[{number}]"
            item = self._thought_or_call(block, at)
            if item is not None:
                self.items.append(self._loss.at(at, item))
                said = None
                continue
            parts = read_blocks(block, at, self._loss)
            if said is None:
                said = Message(role="assistant", parts=parts)
                self.items.append(self._loss.at(path, said))
            else:
                said.parts += parts

    def _thought_or_call(self, block: wire.Block, path: str) -> Reasoning | ToolCall | None:
        if type(block) is wire.ToolUseBlock:
            return self._call(block, path)
        if type(block) is wire.ThinkingBlock:
            proof = self._proof("signature", block.signature, path)
            return Reasoning(text=block.thinking, proof=proof)
        if type(block) is wire.RedactedThinkingBlock:
            return Reasoning(proof=self._proof("redacted", block.data, path))
        return None

    def _call(self, block: wire.ToolUseBlock, path: str) -> ToolCall:
        if block.cache_control:
            self._loss.dropped(f"{path}.cache_control")
        if block.caller and block.caller.get("type", "direct") != "direct":
            self._loss.refuse(f"{path}.caller", "code that calls tools runs at Anthropic only")
        if block.toolset_name:
            self._loss.refuse(f"{path}.toolset_name", "the upstream's API has no toolsets")
        return ToolCall(id=block.id, name=block.name, arguments=encode(block.input).decode())

    def _result(self, block: wire.Result, path: str) -> ToolResult:
        result = ToolResult(
            call_id=block.tool_use_id,
            parts=[],
            is_error=bool(block.is_error),
            cache=block.cache_control,
        )
        content = block.content or []
        if isinstance(content, str | Raw):
            result.parts.append(Text(words=content))
            return self._loss.around(path, ".content", result)
        result.parts = read_parts(content, f"{path}.content", self._loss)
        return self._loss.at(path, result)

    def _proof(self, kind: Literal["signature", "redacted"], token: str, path: str) -> Proof:
        """What is not sealed is Anthropic's own, or of whoever the client believes it talks to."""
        if token and not is_sealed(token):
            return Proof(kind=kind, value=token)
        proof = unseal(token)
        if token and proof is None:
            self._loss.dropped(path, "its proof was the gateway's own, and was edited or cut since")
        return proof or Proof(kind="none")
