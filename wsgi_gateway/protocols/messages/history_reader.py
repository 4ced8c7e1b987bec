"""The ``messages`` of a client's request, read into items.

A turn's blocks keep their order, except that tool results come before what else their user turn
says, as the API itself demands. What only Anthropic can show a model is put into words.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NoReturn

from wsgi_gateway.protocols.conversation import (
    Document,
    Image,
    Item,
    Json,
    Message,
    Part,
    Proof,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.seal import is_sealed, unseal


def read_messages(messages: list[wire.Message], loss: Loss) -> list[Item]:
    """In order. Raises ApiError naming the block that no other API can carry."""
    reader = _HistoryReader(loss)
    items: list[Item] = []
    for role, run in groupby(enumerate(messages), key=lambda pair: pair[1].role):
        turns = [(f"messages[{position}].content", message) for position, message in run]
        match role:
            case "system":
                items += [
                    Message(role="system", parts=reader.parts(turn.content, path))
                    for path, turn in turns
                ]
            case "user":
                items += reader.user_turns(turns)
            case "assistant":
                for path, turn in turns:
                    items += reader.assistant_turn(turn, path)
    return items


class _HistoryReader:
    def __init__(self, loss: Loss) -> None:
        self._loss = loss

    def user_turns(self, turns: list[tuple[str, wire.Message]]) -> list[Item]:
        """A run of user turns, which the API takes for one: its results first."""
        results: list[Item] = []
        messages: list[Item] = []
        for path, turn in turns:
            if isinstance(turn.content, str):
                messages.append(Message(role="user", parts=[Text(text=turn.content)]))
                continue
            parts: list[Part] = []
            for number, block in enumerate(turn.content):
                at = f"{path}[{number}]"
                if isinstance(block, wire.ToolResultBlock):
                    results.append(self._result(block, at))
                else:
                    parts += self._parts_of(block, at)
            if parts:
                messages.append(Message(role="user", parts=parts))
        return results + messages

    def assistant_turn(self, turn: wire.Message, path: str) -> list[Item]:
        """Neighbouring texts become one message; everything keeps its place."""
        if isinstance(turn.content, str):
            return [Message(role="assistant", parts=[Text(text=turn.content)])]
        items: list[Item] = []
        for number, block in enumerate(turn.content):
            match block:
                case wire.ThinkingBlock():
                    proof = _proof("signature", block.signature)
                    items.append(Reasoning(text=block.thinking, proof=proof))
                case wire.RedactedThinkingBlock():
                    items.append(Reasoning(proof=_proof("redacted", block.data)))
                case wire.ToolUseBlock():
                    items.append(self._call(block))
                case _:
                    parts = self._parts_of(block, f"{path}[{number}]")
                    last = items[-1] if items else None
                    if isinstance(last, Message):
                        last.parts += parts
                    else:
                        items.append(Message(role="assistant", parts=parts))
        return items

    def parts(self, content: str | Sequence[wire.Block], path: str) -> list[Part]:
        """The parts of a turn that consists of nothing but parts."""
        if isinstance(content, str):
            return [Text(text=content)]
        return [
            part
            for number, block in enumerate(content)
            for part in self._parts_of(block, f"{path}[{number}]")
        ]

    def _call(self, block: wire.ToolUseBlock) -> ToolCall:
        if block.cache_control:
            self._loss.dropped("cache_control")
        return ToolCall(id=block.id, name=block.name, arguments=encode(block.input).decode())

    def _result(self, block: wire.ToolResultBlock, path: str) -> ToolResult:
        return ToolResult(
            call_id=block.tool_use_id,
            parts=self.parts(block.content or [], f"{path}.content"),
            is_error=bool(block.is_error),
            cache=block.cache_control,
        )

    def _parts_of(self, block: wire.Block, path: str) -> list[Part]:
        match block:
            case wire.TextBlock():
                return [Text(text=block.text, cache=block.cache_control)]
            case wire.ImageBlock():
                return [self._image(block, path)]
            case wire.DocumentBlock():
                return self._document(block, path)
            case wire.SearchResultBlock():
                self._loss.approximated("items", "a search result became text")
                said = "\n".join(text.text for text in block.content)
                text = f"{block.title}\n{block.source}\n\n{said}"
                return [Text(text=text, cache=block.cache_control)]
            case wire.ToolReferenceBlock():
                self._loss.approximated("items", "a tool reference became text")
                return [Text(text=f"[tool: {block.tool_name}]")]
            case wire.ServerToolUseBlock():
                return [self._server_text(f"{block.name} was called", block.input)]
            case wire.WebSearchResultBlock():
                kind = str(block.__struct_config__.tag).removesuffix("_tool_result")
                return [self._server_text(f"{kind} gave", block.content)]
            case _:
                tag = block.__struct_config__.tag
                self._loss.refuse(path, f"a block of type {tag!r} cannot be carried from here")

    def _server_text(self, what: str, value: object) -> Text:
        self._loss.approximated("items", "calls and results of Anthropic's own tools became text")
        return Text(text=f"[{what}: {encode(_without_ciphertext(value)).decode()}]")

    def _image(self, block: wire.ImageBlock, path: str) -> Image:
        if block.transformations:
            self._loss.dropped("transformations")
        match block.source:
            case wire.Base64Source(media_type=media_type, data=data):
                return Image(data=data, media_type=media_type, cache=block.cache_control)
            case wire.UrlSource(url=url):
                return Image(url=url, cache=block.cache_control)
            case wire.FileSource():
                self._refuse_file(path)

    def _document(self, block: wire.DocumentBlock, path: str) -> list[Part]:
        if block.citations and block.citations.enabled:
            self._loss.approximated("items", "the upstream gives no citations")
        before: list[Part] = []
        if block.context:
            self._loss.approximated("items", "a document's context became text before it")
            before = [Text(text=block.context)]
        about: Json = {"filename": block.title, "cache": block.cache_control}
        match block.source:
            case wire.Base64Source(media_type=media_type, data=data):
                return [*before, Document(data=data, media_type=media_type, **about)]
            case wire.UrlSource(url=url):
                return [*before, Document(url=url, **about)]
            case wire.TextSource(data=text):
                return [*before, Document(text=text, **about)]
            case wire.ContentSource(content=content):
                self._loss.approximated("items", "a document of content blocks became its content")
                title: list[Part] = [Text(text=block.title)] if block.title else []
                return [*before, *title, *self.parts(content, f"{path}.source.content")]
            case wire.FileSource():
                self._refuse_file(path)

    def _refuse_file(self, path: str) -> NoReturn:
        self._loss.refuse(f"{path}.source", "a file id is known to its own provider only")


def _proof(kind: Literal["signature", "redacted"], token: str) -> Proof:
    """What is not sealed is Anthropic's own, or of whoever the client believes it talks to."""
    if not token or is_sealed(token):
        return unseal(token) or Proof(kind="none")
    return Proof(kind=kind, value=token)


def _without_ciphertext(value: object) -> object:
    """What a model can read of a result."""
    if isinstance(value, list):
        return [_without_ciphertext(entry) for entry in value]
    if isinstance(value, dict):
        return {
            name: _without_ciphertext(entry)
            for name, entry in value.items()
            if not name.startswith("encrypted_")
        }
    return value
