"""The items of a client's Responses request: its history, read into the conversation's items."""

from collections.abc import Iterable, Sequence

from msgspec import Raw

from wsgi_gateway.protocols import seal
from wsgi_gateway.protocols.conversation import (
    Item,
    Message,
    Part,
    Proof,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import arguments_text, convert
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.client_tools import CALLS, RESULTS
from wsgi_gateway.protocols.responses.compaction import LEAD_IN, Compaction, unseal_compaction
from wsgi_gateway.protocols.responses.parts_reader import PartsReader
from wsgi_gateway.protocols.responses.tools_reader import ToolsReader
from wsgi_gateway.protocols.words import Words, text_of

# What ran at OpenAI: where the answer tells the result it can be left out, else the history would have a hole.
_ELSEWHERE = {
    "web_search_call": "a search of the web that ran upstream; the answer tells its result",
    "file_search_call": "a search of files that ran upstream; the answer tells its result",
    "mcp_list_tools": "a list of tools that only OpenAI can call",
}
TRIGGER = "compaction_trigger"
"""The type of a last item that asks for a compaction of all before it, and for nothing else."""

_UNTRANSLATABLE = {
    "item_reference": "refers to an item that the gateway does not keep",
    "compaction": "only the provider that made it can read it",
    "configuration_update": "settings are those of the request; give them there",
}


def read_input(
    given: str | Sequence[wire.Item], tools: ToolsReader, parts: PartsReader, loss: Loss
) -> list[Item]:
    """In the client's order. Tools that items bring along are added to ``tools``."""
    if isinstance(given, str):
        text = loss.at("input", Text(words=given))
        return [loss.at("input", Message(role="user", parts=[text]))]
    reader = _ItemReader(tools, parts, loss)
    for number, item in enumerate(given):
        reader.read(item, f"input[{number}]")
    return reader.items


class _ItemReader:
    def __init__(self, tools: ToolsReader, parts: PartsReader, loss: Loss) -> None:
        self.items: list[Item] = []
        self._tools = tools
        self._parts = parts
        self._loss = loss
        self._trigger: str | None = None

    def read(self, item: wire.Item, path: str) -> None:
        if item.caller and item.caller.get("type") == "program":
            self._loss.refuse(f"{path}.caller", "programs run at OpenAI only")
        if self._trigger is not None and item.type != "compaction":
            self._loss.refuse(self._trigger, "must be the last item")
        match item.type:
            case "message":
                self._message(item, path)
            case "function_call" | "custom_tool_call":
                self._call(item, path)
            case "function_call_output" | "custom_tool_call_output":
                self._result(item, path)
            case "reasoning":
                self._add(Reasoning(text=_thought(item), proof=self._proof(item, path)), path)
            case None if item.role is None:
                self._loss.refuse(f"{path}.type", "is required unless the item has a role")
            case None:
                self._message(item, path)
            case "compaction" if compaction := self._compaction(item, path):
                self._compacted(compaction, path)
            case "compaction_trigger":
                self._trigger = path
            case "additional_tools":
                self._tools.add_found(item.tools or (), f"{path}.tools")
            case "tool_search_call" | "tool_search_output" if item.execution != "client":
                self._tools.add_found(item.tools or (), f"{path}.tools")
                self._loss.dropped(path, "a search for tools that ran at OpenAI; its findings stay")
            case kind if kind in CALLS:
                self._client_call(item, kind, path)
            case kind if kind in RESULTS:
                self._client_result(item, kind, path)
            case kind if kind in _ELSEWHERE:
                self._loss.dropped(path, _ELSEWHERE[kind])
            case other:
                why = f"items of type {other!r} cannot be translated"
                self._loss.refuse(path, _UNTRANSLATABLE.get(other, why))

    def _add(self, item: Item, path: str) -> None:
        self.items.append(self._loss.at(path, item))

    def _message(self, item: wire.Item, path: str) -> None:
        content = item.content
        inner: str | None = ".content"
        if isinstance(content, str):
            parts: list[Part] = [Text(words=content)]
        elif plain := self._parts.plain(content):
            parts, inner = [plain], ".content[0]"
        else:
            parts, inner = self._parts.read(content or (), f"{path}.content"), None
        match item.role:
            case "user" | "system" | "developer" as role:
                message = Message(role=role, parts=parts)
            case "assistant":
                if not any(type(part) is not Text or part.words for part in parts):
                    return
                message = Message(role="assistant", parts=parts, phase=item.phase)
            case other:
                self._loss.refuse(f"{path}.role", f"unknown role {other!r}")
        if inner is None:
            self._add(message, path)
        else:
            self.items.append(self._loss.around(path, inner, message))

    def _proof(self, item: wire.Item, path: str) -> Proof:
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

    def _compaction(self, item: wire.Item, path: str) -> Compaction | None:
        return unseal_compaction(item.encrypted_content, f"{path}.encrypted_content")

    def _compacted(self, compaction: Compaction, path: str) -> None:
        if compaction.before is not None:
            self.items = []
        elif self._trigger is not None:
            self.items = [item for item in self.items if _stays(item)]
        self._trigger = None
        for item in compaction.items:
            self.read(convert(item, wire.ReadItem), path)

    def _call(self, item: wire.Item, path: str) -> None:
        custom = item.type == "custom_tool_call"
        if not item.name:
            self._loss.refuse(f"{path}.name", "is required")
        call = ToolCall(
            id=self._call_id(item, path),
            name=item.name,
            arguments=item.input or "" if custom else arguments_text(item.arguments),
            custom=custom,
            namespace=item.namespace,
        )
        self._add(call, path)

    def _result(self, item: wire.Item, path: str) -> None:
        output = item.output
        call_id = self._call_id(item, path)
        if isinstance(output, str | Raw):
            result = ToolResult(call_id=call_id, parts=[Text(words=output)])
            self.items.append(self._loss.around(path, ".output", result))
        elif output is None or isinstance(output, dict):
            what = "is required" if output is None else "must be a string or an array"
            self._loss.refuse(f"{path}.output", what)
        else:
            parts = self._parts.read(output, f"{path}.output")
            self._add(ToolResult(call_id=call_id, parts=parts), path)

    def _client_call(self, item: wire.Item, kind: str, path: str) -> None:
        tool = CALLS[kind]
        held = getattr(item, tool.holder)
        if held is None:
            self._loss.refuse(f"{path}.{tool.holder}", "is required")
        call = ToolCall(
            id=self._call_id(item, path),
            name=self._tools.client_tools.name(tool),
            arguments=tool.arguments(held),
        )
        self._add(call, path)

    def _client_result(self, item: wire.Item, kind: str, path: str) -> None:
        """The types give a ``local_shell_call_output`` the call's id in ``id``; clients write ``call_id``."""
        if item.call_id is None and kind == "local_shell_call_output":
            item.call_id = item.id
        self._tools.add_found(item.tools or (), f"{path}.tools")
        text = RESULTS[kind].result_text(item)
        if text is None:
            self._loss.refuse(f"{path}.output", f"is not what a {kind} holds")
        result = ToolResult(
            call_id=self._call_id(item, path),
            parts=[self._loss.at(f"{path}.output", Text(words=text))],
            is_error=item.status == "failed",
        )
        self._add(result, path)

    def _call_id(self, item: wire.Item, path: str) -> str:
        if not item.call_id:
            self._loss.refuse(f"{path}.call_id", "is required")
        return item.call_id


def _stays(item: Item) -> bool:
    """Whether it is beside a summary of all before it: what ``compaction.kept`` keeps."""
    if not isinstance(item, Message) or item.role == "assistant":
        return False
    match item.parts:
        case [Text(text=text)] if text.startswith(LEAD_IN):
            return False
    return True


def _thought(item: wire.Item) -> str:
    text = _joined(item.summary)
    if not text and not isinstance(item.content, str):
        text = _joined(item.content)
    return text


def _joined(parts: Iterable[wire.ContentPart[Words | None]] | None) -> str:
    return "\n\n".join(text_of(part.text) for part in parts or () if part.text)
