"""Parts of a reply, written as output items: the events of their lives, and the items themselves.

Theory of operation. An item gets its ``output_index`` when its first part starts, so the indexes have no gaps; several
items may be open at once (parallel tool calls), and nothing is held back. Text and refusal parts that follow each
other are the content of one message item, which ends when something else or another message starts, or with the
reply. Reasoning, searches and calls are items of one part each. Calls of tools that ``client_tools`` raised are the
exception: their items have no deltas and must be whole to be written, so they start when they end.
"""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Annotated, PartEnded, PartKind, PartStarted
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import items
from wsgi_gateway.protocols.responses.citations import write_annotation, write_logprobs
from wsgi_gateway.protocols.responses.client_tools import ClientTool, ClientTools
from wsgi_gateway.protocols.responses.compaction import Compaction, seal_compaction
from wsgi_gateway.protocols.responses.numbered import Events
from wsgi_gateway.protocols.responses.searches import write_action

_TEXT_DELTA = "response.output_text.delta"


def _status(complete: bool) -> str:
    return "completed" if complete else "incomplete"


class _Item:
    """Base of the items. ``done`` is the complete item, None while it is open."""

    prefix: str

    def __init__(self, events: Events, output_index: int) -> None:
        self.id = new_id(self.prefix)
        self.done: Json | None = None
        self._emit = events.emit
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

    def __init__(self, events: Events, address: Json, kind: PartKind) -> None:
        self._emit = events.emit
        self._address = address
        self.kind = kind
        self._pieces: list[str] = []
        self._annotations: list[Json] = []
        self._logprobs: list[Json] = []
        self.done: Json | None = None
        part = items.refusal("") if kind == "refusal" else items.output_text("", [], [])
        events.emit("response.content_part.added", {**address, "part": part})
        if kind == "refusal":
            self._tell = events.deltas("response.refusal.delta", address)
        else:
            self._tell = events.deltas(_TEXT_DELTA, {**address, "logprobs": []})

    def add(self, texts: list[str]) -> None:
        self._pieces += texts
        self._tell(texts)

    def add_with_logprobs(self, text: str, logprobs: list[Json]) -> None:
        """A text with the log probabilities of its tokens."""
        self._pieces.append(text)
        self._logprobs += logprobs
        self._emit(_TEXT_DELTA, {**self._address, "delta": text, "logprobs": logprobs})

    def annotate(self, annotation: Json) -> None:
        fields = {"annotation_index": len(self._annotations), "annotation": annotation}
        self._annotations.append(annotation)
        self._emit("response.output_text.annotation.added", {**self._address, **fields})

    def end(self) -> None:
        text = "".join(self._pieces)
        if self.kind == "refusal":
            self._emit("response.refusal.done", {**self._address, "refusal": text})
            self.done = items.refusal(text)
        else:
            fields = {**self._address, "text": text, "logprobs": self._logprobs}
            self._emit("response.output_text.done", fields)
            self.done = items.output_text(text, self._annotations, self._logprobs)
        self._emit("response.content_part.done", {**self._address, "part": self.done})


class _Message(_Item):
    """It ends once it is ``sealed`` (takes no more parts) and all its parts have ended."""

    prefix = "msg_"

    def __init__(self, events: Events, output_index: int, phase: str | None) -> None:
        super().__init__(events, output_index)
        self._events = events
        self._content: list[_Content] = []
        self._phase = phase
        self._complete = True
        self._sealed = False
        self._add(items.message(self.id, [], "in_progress", phase))

    def start(self, kind: PartKind) -> _Content:
        address = {**self._address(), "content_index": len(self._content)}
        content = _Content(self._events, address, kind)
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
            self._end(items.message(self.id, content, _status(self._complete), self._phase))


class _Reasoning(_Item):
    prefix = "rs_"

    def __init__(self, events: Events, output_index: int) -> None:
        super().__init__(events, output_index)
        self._pieces: list[str] = []
        self._at = {**self._address(), "summary_index": 0}
        self._tell = events.deltas("response.reasoning_summary_text.delta", self._at)
        self._add(items.reasoning(self.id, "", None, "in_progress"))

    def add(self, texts: list[str]) -> None:
        if not self._pieces:
            part = {**self._at, "part": items.summary_part("")}
            self._emit("response.reasoning_summary_part.added", part)
        self._pieces += texts
        self._tell(texts)

    def end(self, event: PartEnded) -> None:
        text = "".join(self._pieces)
        if text:
            self._emit("response.reasoning_summary_text.done", {**self._at, "text": text})
            part = {**self._at, "part": items.summary_part(text)}
            self._emit("response.reasoning_summary_part.done", part)
        self._end(items.reasoning(self.id, text, event.proof, _status(event.complete)))


class _Call(_Item):
    def __init__(self, events: Events, output_index: int, call: PartStarted) -> None:
        self.prefix = "ctc_" if call.custom else "fc_"
        super().__init__(events, output_index)
        self._call = call
        self._pieces: list[str] = []
        self._at = self._address()
        event = "custom_tool_call_input" if call.custom else "function_call_arguments"
        self._tell = events.deltas(f"response.{event}.delta", self._at)
        self._done = f"response.{event}.done"
        self._add(items.tool_call(self.id, call, "", "in_progress"))

    def add(self, texts: list[str]) -> None:
        self._pieces += texts
        self._tell(texts)

    def end(self, event: PartEnded) -> None:
        text = "".join(self._pieces)
        if self._call.custom:
            self._emit(self._done, {**self._at, "input": text})
        else:
            self._emit(self._done, {**self._at, "name": self._call.name, "arguments": text})
        self._end(items.tool_call(self.id, self._call, text, _status(event.complete)))


class _Search(_Item):
    """A search that the upstream ran. What it was is known when it is over."""

    prefix = "ws_"

    def __init__(self, events: Events, output_index: int, with_sources: bool) -> None:
        super().__init__(events, output_index)
        self._with_sources = with_sources
        action = write_action(None, with_sources=False)
        self._add(items.web_search_call(self.id, action, "in_progress"))
        for step in ("in_progress", "searching"):
            self._emit(f"response.web_search_call.{step}", self._address())

    def add(self, texts: list[str]) -> None:
        """A search has no deltas."""

    def end(self, event: PartEnded) -> None:
        if event.complete:
            self._emit("response.web_search_call.completed", self._address())
        action = write_action(event.search, self._with_sources)
        self._end(items.web_search_call(self.id, action, _status(event.complete)))


class _Compaction(_Item):
    """It has no deltas: its summary is sealed when it is whole."""

    prefix = "cmp_"

    def __init__(self, events: Events, output_index: int) -> None:
        super().__init__(events, output_index)
        self._pieces: list[str] = []

    def add(self, texts: list[str]) -> None:
        self._pieces += texts

    def end(self, _: PartEnded) -> None:
        self.tell(seal_compaction(Compaction("".join(self._pieces))))

    def tell(self, token: str) -> None:
        item = items.compaction(self.id, token)
        self._add(item)
        self._end(item)


class _ClientCall(_Item):
    """A call of one of OpenAI's tools that the client runs; ``held`` is what its item holds of the arguments."""

    def __init__(self, events: Events, output_index: int, tool: ClientTool, call: Json) -> None:
        self.prefix = tool.prefix
        super().__init__(events, output_index)
        self._tool = tool
        self._call = call

    def tell(self, held: Json, status: str) -> None:
        holder = self._tool.holder
        item = {"id": self.id, **self._call, "status": "in_progress"}
        self._add({**item, holder: self._tool.begun(held)})
        self._end({**item, "status": status, holder: held})


class _Held:
    """A call that waits for its end: what it says, and whether it is of the tool's shape."""

    def __init__(self, tool: ClientTool, call: PartStarted) -> None:
        self.tool = tool
        self.call = call
        self._pieces: list[str] = []

    def add(self, texts: list[str]) -> None:
        self._pieces += texts

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)


class OutputWriter:
    """``with_sources``: the client asked where searches looked."""

    def __init__(
        self, events: Events, client_tools: ClientTools, loss: Loss, *, with_sources: bool
    ) -> None:
        self._events = events
        self._client_tools = client_tools
        self._loss = loss
        self._with_sources = with_sources
        self._items: list[_Item] = []
        self._parts: dict[int, _Content | _Reasoning | _Call | _Search | _Compaction | _Held] = {}
        self._message: _Message | None = None
        self._phase: str | None = None
        self._messages: dict[int, _Message] = {}

    def compacted(self, token: str) -> None:
        """Tell of a compaction that was made of the history before the model was asked; before any part."""
        compaction = _Compaction(self._events, len(self._items))
        self._items.append(compaction)
        compaction.tell(token)

    def start(self, event: PartStarted) -> None:
        if event.kind in ("text", "refusal"):
            message = self._message_for(event)
            self._messages[event.index] = message
            self._parts[event.index] = message.start(event.kind)
            return
        self._seal_message()
        index = len(self._items)
        if event.kind == "reasoning":
            item: _Reasoning | _Call | _Search | _Compaction = _Reasoning(self._events, index)
        elif event.kind == "web_search":
            item = _Search(self._events, index, self._with_sources)
        elif event.kind == "compaction":
            item = _Compaction(self._events, index)
        else:
            tool = None if event.namespace else self._client_tools.called(event.name)
            if tool is not None:
                self._parts[event.index] = _Held(tool, event)
                return
            item = _Call(self._events, index, event)
        self._items.append(item)
        self._parts[event.index] = item

    def add(self, index: int, texts: list[str], logprobs: list[Json] | None = None) -> None:
        """Deltas of a part; one with log probabilities comes alone."""
        part = self._parts[index]
        if logprobs and isinstance(part, _Content):
            if part.kind == "text":
                part.add_with_logprobs(texts[0], write_logprobs(logprobs))
                return
            self._loss.dropped("reply.logprobs", "a refusal has none in the client's API")
        part.add(texts)

    def annotate(self, event: Annotated) -> None:
        annotation = write_annotation(event.annotation, self._loss)
        part = self._parts[event.index]
        if annotation is not None and isinstance(part, _Content):
            part.annotate(annotation)

    def end(self, event: PartEnded) -> None:
        match self._parts.pop(event.index):
            case _Content() as content:
                content.end()
                self._messages.pop(event.index).part_ended(event.complete)
            case _Held() as held:
                self._raise(held, event)
            case item:
                if event.search is not None and event.search.sources:
                    self._loss.approximated(
                        "reply.web_search",
                        "of the pages that it found only addresses are told, if asked for",
                    )
                item.end(event)

    def _raise(self, waiting: _Held, event: PartEnded) -> None:
        """What is not of the tool's shape stays a function call: nothing else has a place for it."""
        tool, call = waiting.tool, waiting.call
        index = len(self._items)
        held = tool.held(waiting.arguments)
        if held is not None:
            fields = {"type": tool.call_type, "call_id": call.id, **tool.beside}
            raised = _ClientCall(self._events, index, tool, fields)
            self._items.append(raised)
            # A patch that is whole cannot be incomplete: its item knows no such status.
            raised.tell(held, _status(event.complete or tool.type == "apply_patch"))
            return
        self._loss.approximated(
            f"reply.output[{index}]",
            f"not what a {tool.call_type} can hold: it stayed a function_call",
        )
        plain = _Call(self._events, index, call)
        self._items.append(plain)
        if waiting.arguments:
            plain.add([waiting.arguments])
        plain.end(event)

    def finish(self, complete: bool, explanation: str | None) -> None:
        """End the last message; ``explanation`` becomes a refusal in it."""
        if explanation:
            content = self._open_message(None).start("refusal")
            content.add([explanation])
            content.end()
        self._seal_message(complete)

    def output(self) -> list[Json]:
        """The items that are complete, in order."""
        return [item.done for item in self._items if item.done is not None]

    def _message_for(self, event: PartStarted) -> _Message:
        phase = event.phase if event.phase in items.PHASES else None
        if event.starts_message or phase != self._phase:
            self._seal_message()
        self._phase = phase
        return self._open_message(phase)

    def _open_message(self, phase: str | None) -> _Message:
        if self._message is None:
            self._message = _Message(self._events, len(self._items), phase)
            self._items.append(self._message)
        return self._message

    def _seal_message(self, complete: bool = True) -> None:
        if self._message is not None:
            self._message.seal(complete)
            self._message = None
