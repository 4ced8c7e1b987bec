"""The items of a client's Responses request: its history, read into the conversation's items."""

from collections.abc import Iterable, Sequence

from wsgi_gateway.protocols import data_url, seal
from wsgi_gateway.protocols.conversation import (
    Document,
    Image,
    Item,
    Json,
    Message,
    Part,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import arguments_text, encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.tools_reader import TOOL_SEARCH, ToolsReader

_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")


def read_input(given: str | Sequence[wire.InputItem], tools: ToolsReader, loss: Loss) -> list[Item]:
    """In the client's order. Tools that items bring along are added to ``tools``."""
    if isinstance(given, str):
        return [Message(role="user", parts=[Text(text=given)])]
    reader = _ItemReader(tools, loss)
    for number, item in enumerate(given):
        reader.read(item, f"input[{number}]")
    return reader.items


class _ItemReader:
    def __init__(self, tools: ToolsReader, loss: Loss) -> None:
        self.items: list[Item] = []
        self._tools = tools
        self._loss = loss

    def read(self, item: wire.InputItem, path: str) -> None:
        match item.type:
            case None if item.role is None:
                self._loss.refuse(f"{path}.type", "is required unless the item has a role")
            case None | "message":
                self._message(item, path)
            case "reasoning":
                self._reasoning(item, path)
            case "function_call" | "custom_tool_call":
                self._call(item, path)
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, path)
            case "tool_search_call" | "tool_search_output":
                self._search(item, path)
            case "additional_tools":
                self._tools.add_found(item.tools or (), f"{path}.tools")
            case "web_search_call":
                self._loss.dropped(path, "a search that ran at OpenAI; the answer tells its result")
            case "item_reference":
                self._loss.refuse(path, "refers to an item that the gateway does not keep")
            case other:
                self._loss.refuse(path, f"items of type {other!r} cannot be translated")

    def _message(self, item: wire.InputItem, path: str) -> None:
        content = item.content
        if isinstance(content, str):
            parts: list[Part] = [Text(text=content)]
        else:
            parts = [
                self._part(part, f"{path}.content[{number}]")
                for number, part in enumerate(content or ())
            ]
        match item.role:
            case "user" | "system" | "developer" as role:
                self.items.append(Message(role=role, parts=parts))
            case "assistant":
                if any(not isinstance(part, Text) or part.text for part in parts):
                    self.items.append(Message(role="assistant", parts=parts, phase=item.phase))
            case other:
                self._loss.refuse(f"{path}.role", f"unknown role {other!r}")

    def _reasoning(self, item: wire.InputItem, path: str) -> None:
        text = _joined(item.summary)
        if not text and not isinstance(item.content, str):
            text = _joined(item.content)
        self.items.append(Reasoning(text=text, proof=self._proof(item, path)))

    def _proof(self, item: wire.InputItem, path: str) -> Proof:
        token = item.encrypted_content
        if not token:
            return Proof(kind="none")
        if not seal.is_sealed(token):
            return Proof(kind="encrypted", value=token, item_id=item.id)
        proof = seal.unseal(token)
        if proof is None:
            self._loss.dropped(f"{path}.encrypted_content", "it was changed or cut on the way")
            return Proof(kind="none")
        return proof

    def _call(self, item: wire.InputItem, path: str) -> None:
        custom = item.type == "custom_tool_call"
        if not item.name:
            self._loss.refuse(f"{path}.name", "is required")
        self.items.append(
            ToolCall(
                id=self._call_id(item, path),
                name=item.name,
                arguments=item.input or "" if custom else arguments_text(item.arguments),
                custom=custom,
                namespace=item.namespace,
            )
        )

    def _result(self, item: wire.InputItem, path: str) -> None:
        parts: list[Part] = []
        match item.output:
            case str(text):
                parts.append(Text(text=text))
            case list(given):
                for number, part in enumerate(given):
                    parts.append(self._part(part, f"{path}.output[{number}]"))
            case other:
                what = "is required" if other is None else "must be a string or an array"
                self._loss.refuse(f"{path}.output", what)
        self.items.append(ToolResult(call_id=self._call_id(item, path), parts=parts))

    def _search(self, item: wire.InputItem, path: str) -> None:
        """A search for tools. One that ran at OpenAI leaves its findings only."""
        found = self._tools.add_found(item.tools or (), f"{path}.tools")
        if item.execution != "client":
            self._loss.dropped(path, "a search for tools that ran at OpenAI; its findings stay")
            return
        call_id = self._call_id(item, path)
        if item.type == "tool_search_call":
            self.items.append(
                ToolCall(id=call_id, name=TOOL_SEARCH, arguments=arguments_text(item.arguments))
            )
            return
        names = [
            f"{tool.namespace}__{tool.name}" if tool.namespace else tool.name for tool in found
        ]
        text = encode({"loaded_tools": names}).decode()
        self.items.append(ToolResult(call_id=call_id, parts=[Text(text=text)]))

    def _call_id(self, item: wire.InputItem, path: str) -> str:
        if not item.call_id:
            self._loss.refuse(f"{path}.call_id", "is required")
        return item.call_id

    def _part(self, part: wire.ContentPart, path: str) -> Part:
        cache = _cache(part.prompt_cache_breakpoint)
        match part.type:
            case kind if kind in _TEXTS:
                if part.text is None:
                    self._loss.refuse(f"{path}.text", "is required")
                return Text(text=part.text, cache=cache)
            case "refusal":
                return Refusal(text=part.refusal or "")
            case "input_image":
                return self._image(part, cache, path)
            case "input_file":
                return self._file(part, cache, path)
            case other:
                self._loss.refuse(path, f"content of type {other!r} cannot be translated")

    def _image(self, part: wire.ContentPart, cache: Json | None, path: str) -> Image:
        if not part.image_url and not part.file_id:
            self._loss.refuse(path, "image_url or file_id is required")
        inline = data_url.split(part.image_url) if part.image_url else None
        if inline is None:
            return Image(url=part.image_url, file_id=part.file_id, detail=part.detail, cache=cache)
        media_type, data = inline
        return Image(data=data, media_type=media_type, detail=part.detail, cache=cache)

    def _file(self, part: wire.ContentPart, cache: Json | None, path: str) -> Document:
        if not (part.file_data or part.file_url or part.file_id):
            self._loss.refuse(path, "file_data, file_url or file_id is required")
        if part.detail not in (None, "auto"):
            self._loss.dropped(f"{path}.detail")
        inline = data_url.split(part.file_data) if part.file_data else None
        media_type, data = inline or ("application/pdf", part.file_data)
        return Document(
            data=data,
            media_type=media_type if data else None,
            url=part.file_url,
            file_id=part.file_id,
            filename=part.filename,
            cache=cache,
        )


def _joined(parts: Iterable[wire.ContentPart] | None) -> str:
    return "\n\n".join(part.text for part in parts or () if part.text)


def _cache(mark: Json | None) -> Json | None:
    """A breakpoint, as Messages writes it; its longest time to live is an hour."""
    if not mark:
        return None
    return {"type": "ephemeral", "ttl": "1h"} if mark.get("ttl") else {"type": "ephemeral"}
