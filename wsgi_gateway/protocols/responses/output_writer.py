"""Parts of a reply, written as output items: the events of their lives, and the items themselves.

Theory of operation. An item gets its ``output_index`` when its first part starts, so the indexes have no gaps; several
items may be open at once (parallel tool calls), and nothing is held back. Text and refusal parts that follow each
other are the content of one message item, which ends when something else starts, or with the reply. Reasoning and
calls are items of one part each.
"""

from collections.abc import Callable

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Delta, PartEnded, PartKind, PartStarted
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.responses import items
from wsgi_gateway.protocols.responses.tools_reader import TOOL_SEARCH

Emit = Callable[[str, Json], None]


def _status(complete: bool) -> str:
    return "completed" if complete else "incomplete"


class _Item:
    """Base of the items. ``done`` is the complete item, None while it is open."""

    prefix: str

    def __init__(self, emit: Emit, output_index: int) -> None:
        self.id = new_id(self.prefix)
        self.done: Json | None = None
        self._emit = emit
        self._index = output_index

    def _add(self, item: Json) -> None:
        self._emit("response.output_item.added", {"output_index": self._index, "item": item})

    def _end(self, item: Json) -> None:
        self.done = item
        self._emit("response.output_item.done", {"output_index": self._index, "item": item})

    def _address(self) -> Json:
        return {"item_id": self.id, "output_index": self._index}


class _Content:
    """One part of a message's content."""

    def __init__(self, emit: Emit, address: Json, kind: PartKind) -> None:
        self._emit = emit
        self._address = address
        self._kind = kind
        self._pieces: list[str] = []
        self.done: Json | None = None
        emit("response.content_part.added", {**address, "part": items.content_part(kind, "")})

    def add(self, text: str) -> None:
        self._pieces.append(text)
        fields = {**self._address, "delta": text}
        if self._kind == "refusal":
            self._emit("response.refusal.delta", fields)
        else:
            fields["logprobs"] = []
            self._emit("response.output_text.delta", fields)

    def end(self) -> None:
        text = "".join(self._pieces)
        if self._kind == "refusal":
            self._emit("response.refusal.done", {**self._address, "refusal": text})
        else:
            fields = {**self._address, "text": text, "logprobs": []}
            self._emit("response.output_text.done", fields)
        self.done = items.content_part(self._kind, text)
        self._emit("response.content_part.done", {**self._address, "part": self.done})


class _Message(_Item):
    """It ends once it is ``sealed`` (takes no more parts) and all its parts have ended."""

    prefix = "msg_"

    def __init__(self, emit: Emit, output_index: int) -> None:
        super().__init__(emit, output_index)
        self._content: list[_Content] = []
        self._complete = True
        self._sealed = False
        self._add(items.message(self.id, [], "in_progress"))

    def start(self, kind: PartKind) -> _Content:
        address = {**self._address(), "content_index": len(self._content)}
        content = _Content(self._emit, address, kind)
        self._content.append(content)
        return content

    def part_ended(self, complete: bool) -> None:
        self._complete = self._complete and complete
        self._end_if_over()

    def seal(self, complete: bool = True) -> None:
        self._sealed = True
        self._complete = self._complete and complete
        self._end_if_over()

    def _end_if_over(self) -> None:
        content = [part.done for part in self._content if part.done is not None]
        if self._sealed and self.done is None and len(content) == len(self._content):
            self._end(items.message(self.id, content, _status(self._complete)))


class _Reasoning(_Item):
    prefix = "rs_"

    def __init__(self, emit: Emit, output_index: int) -> None:
        super().__init__(emit, output_index)
        self._pieces: list[str] = []
        self._at = {**self._address(), "summary_index": 0}
        self._add(items.reasoning(self.id, "", None, "in_progress"))

    def add(self, text: str) -> None:
        if not self._pieces:
            part = {**self._at, "part": items.summary_part("")}
            self._emit("response.reasoning_summary_part.added", part)
        self._pieces.append(text)
        self._emit("response.reasoning_summary_text.delta", {**self._at, "delta": text})

    def end(self, event: PartEnded) -> None:
        text = "".join(self._pieces)
        if text:
            self._emit("response.reasoning_summary_text.done", {**self._at, "text": text})
            part = {**self._at, "part": items.summary_part(text)}
            self._emit("response.reasoning_summary_part.done", part)
        self._end(items.reasoning(self.id, text, event.proof, _status(event.complete)))


class _Call(_Item):
    def __init__(self, emit: Emit, output_index: int, call: PartStarted) -> None:
        self.prefix = "ctc_" if call.custom else "fc_"
        super().__init__(emit, output_index)
        self._call = call
        self._pieces: list[str] = []
        self._at = self._address()
        event = "custom_tool_call_input" if call.custom else "function_call_arguments"
        self._delta, self._done = f"response.{event}.delta", f"response.{event}.done"
        self._add(items.tool_call(self.id, call, "", "in_progress"))

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._emit(self._delta, {**self._at, "delta": text})

    def end(self, event: PartEnded) -> None:
        text = "".join(self._pieces)
        if self._call.custom:
            self._emit(self._done, {**self._at, "input": text})
        else:
            self._emit(self._done, {**self._at, "name": self._call.name, "arguments": text})
        self._end(items.tool_call(self.id, self._call, text, _status(event.complete)))


class _Search(_Item):
    """The wire has no deltas for it."""

    prefix = "tsc_"

    def __init__(self, emit: Emit, output_index: int, call: PartStarted) -> None:
        super().__init__(emit, output_index)
        self._call = call
        self._pieces: list[str] = []
        self._add(items.tool_search_call(self.id, call, "", "in_progress"))

    def add(self, text: str) -> None:
        self._pieces.append(text)

    def end(self, event: PartEnded) -> None:
        text = "".join(self._pieces)
        self._end(items.tool_search_call(self.id, self._call, text, _status(event.complete)))


class OutputWriter:
    """``emit`` takes each event's type and its own fields. ``has_search``: see ``tools_reader``."""

    def __init__(self, emit: Emit, has_search: bool) -> None:
        self._emit = emit
        self._has_search = has_search
        self._items: list[_Item] = []
        self._parts: dict[int, _Content | _Reasoning | _Call | _Search] = {}
        self._message: _Message | None = None
        self._messages: dict[int, _Message] = {}

    def start(self, event: PartStarted) -> None:
        if event.kind in ("text", "refusal"):
            message = self._open_message()
            self._messages[event.index] = message
            self._parts[event.index] = message.start(event.kind)
            return
        self._seal_message()
        index = len(self._items)
        if event.kind == "reasoning":
            item: _Reasoning | _Call | _Search = _Reasoning(self._emit, index)
        elif self._has_search and event.name == TOOL_SEARCH and event.namespace is None:
            item = _Search(self._emit, index, event)
        else:
            item = _Call(self._emit, index, event)
        self._items.append(item)
        self._parts[event.index] = item

    def add(self, event: Delta) -> None:
        self._parts[event.index].add(event.text)

    def end(self, event: PartEnded) -> None:
        part = self._parts.pop(event.index)
        if isinstance(part, _Content):
            part.end()
            self._messages.pop(event.index).part_ended(event.complete)
        else:
            part.end(event)

    def finish(self, complete: bool, explanation: str | None) -> None:
        """End the last message; ``explanation`` becomes a refusal in it."""
        if explanation:
            message = self._open_message()
            content = message.start("refusal")
            content.add(explanation)
            content.end()
        self._seal_message(complete)

    def output(self) -> list[Json]:
        """The items that are complete, in order."""
        return [item.done for item in self._items if item.done is not None]

    def _open_message(self) -> _Message:
        if self._message is None:
            self._message = _Message(self._emit, len(self._items))
            self._items.append(self._message)
        return self._message

    def _seal_message(self, complete: bool = True) -> None:
        if self._message is not None:
            self._message.seal(complete)
            self._message = None
