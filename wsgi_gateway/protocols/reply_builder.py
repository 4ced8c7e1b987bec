"""Turns what a reader finds on the wire into a legal sequence of events (the five promises of ``events``).

Every reader of replies owns one builder and speaks only through it, so that starting, ending and finishing
are decided in one place, whatever order and repetition a provider chooses.
"""

import msgspec

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Annotated,
    Annotation,
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartKind,
    PartStarted,
    Search,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.ids import new_id

# Regular ends: with tool calls, what matters to a client is that it must run them now.
_WAITS_FOR_CLIENT = ("stop", "stop_sequence", "pause")


class _OpenPart:
    """``unwrap`` holds the text back to the end: a custom tool's input, wrapped in a function's arguments."""

    __slots__ = ("buffer", "custom", "empty", "kind", "unwrap")

    def __init__(self, kind: PartKind, custom: bool = False, unwrap: bool = False) -> None:
        self.kind = kind
        self.custom = custom
        self.unwrap = unwrap
        self.empty = True
        self.buffer: list[str] = []


class ReplyBuilder:
    """Collects events; ``take`` hands over those since the last call."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._events: list[Event] = []
        self._open: dict[int, _OpenPart] = {}
        self._count = 0
        self.usage: Usage | None = None
        """What the upstream last said."""
        self.model: str | None = None
        self._call_ids: set[str] = set()
        self.started = False
        self.ended = False

    def take(self) -> list[Event]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def _tell(self, event: Event) -> None:
        """Whatever a reader still finds behind the end, nothing is said after it."""
        if not self.ended:
            self._events.append(event)

    def start(self, reply_id: str | int, model: str, usage: Usage | None = None) -> None:
        """Idempotent: the first call counts. Some hosts number their replies."""
        if not self.started:
            self.started = True
            self.model = model or None
            self._tell(Started(id=str(reply_id), model=model, usage=usage))

    def open(
        self,
        kind: PartKind,
        *,
        starts_message: bool = False,
        phase: str | None = None,
        item_id: str = "",
    ) -> int:
        """Start a part that is no tool call, and return its index. ``item_id`` is a web search's."""
        index = self._next(_OpenPart(kind))
        self._tell(
            PartStarted(
                index=index, kind=kind, id=item_id, starts_message=starts_message, phase=phase
            )
        )
        return index

    def open_call(self, call_id: str, name: str, *, custom: bool = False) -> int:
        """Start a tool call and return its index. Its id and name are put back into the client's terms.

        ``custom`` says that the upstream itself calls a custom tool, whose input is free text as it comes. A call of
        the tool that stands for structured output is text. One without a name cannot be run: the reply fails.
        """
        if name == self._aliases.output_tool:
            return self.open("text")
        if not name:
            self.fail(ApiError("upstream_invalid", "the upstream sent a tool call without a name"))
        call_id = self._unique(call_id)
        tool = self._aliases.restore_tool(name)
        is_custom = custom or tool.custom
        index = self._next(_OpenPart("tool_call", is_custom, tool.custom and not custom))
        self._tell(
            PartStarted(
                index=index,
                kind="tool_call",
                id=self._aliases.restore_call_id(call_id),
                name=tool.name,
                custom=is_custom,
                namespace=tool.namespace,
            )
        )
        return index

    def _next(self, part: _OpenPart) -> int:
        index = self._count
        self._count += 1
        self._open[index] = part
        return index

    def _unique(self, call_id: str) -> str:
        """A second call under the same id gets one of its own: SDKs and histories know calls by their ids."""
        if not call_id or call_id in self._call_ids:
            call_id = new_id("call_")
        self._call_ids.add(call_id)
        return call_id

    def delta(self, index: int, text: str, logprobs: list[Json] | None = None) -> None:
        """Add text to an open part; what comes after its end, or is empty, is ignored."""
        part = self._open.get(index)
        if part is None or not text:
            return
        if part.unwrap:
            part.buffer.append(text)
            return
        if part.kind == "tool_call" and part.empty and not part.custom and not text.strip():
            return  # blank before the JSON, or instead of it: then it means no arguments
        part.empty = False
        self._tell(Delta(index, text, logprobs))

    def deltas(self, index: int, texts: list[str]) -> None:
        """Add texts that arrived together, as ``delta`` does one by one."""
        part = self._open.get(index)
        if part is None:
            return
        if len(texts) == 1 or part.empty or part.unwrap:
            for text in texts:
                self.delta(index, text)
            return
        if "" in texts:
            texts = [text for text in texts if text]
        if texts:
            self._tell(Deltas(index, texts))

    def annotate(self, index: int, annotation: Annotation) -> None:
        """Add an annotation to an open text; any other is ignored."""
        part = self._open.get(index)
        if part is not None and part.kind == "text":
            self._tell(Annotated(index, annotation))

    def close(
        self,
        index: int,
        proof: Proof | None = None,
        complete: bool = True,
        *,
        search: Search | None = None,
    ) -> None:
        """End a part; idempotent."""
        part = self._open.pop(index, None)
        if part is None:
            return
        if part.unwrap:
            self._emit(index, _custom_input("".join(part.buffer)))
        elif part.kind == "tool_call" and part.empty and complete and not part.custom:
            self._emit(index, "{}")
        self._tell(PartEnded(index=index, proof=proof, search=search, complete=complete))

    def is_open(self, index: int) -> bool:
        return index in self._open

    def set_usage(self, usage: Usage) -> None:
        """What the upstream last said; reported once, at the end."""
        self.usage = usage

    def finish(
        self,
        reason: FinishReason,
        stop_sequence: str | None = None,
        explanation: str | None = None,
        category: str | None = None,
    ) -> None:
        """The upstream said that the reply is whole. Ends what is open. Idempotent."""
        if self.ended:
            return
        self.start("", "")
        for index in sorted(self._open):
            self.close(index, complete=reason not in ("length", "context_window", "content_filter"))
        if self._call_ids and reason in _WAITS_FOR_CLIENT:
            reason, stop_sequence = "tool_calls", None
        elif reason == "tool_calls" and not self._call_ids:
            reason = "stop"
        self._report_usage()
        self._tell(
            Finished(
                reason=reason,
                stop_sequence=stop_sequence,
                explanation=explanation,
                category=category,
            )
        )
        self.ended = True

    def fail(self, error: ApiError) -> None:
        """The reply broke off. Parts stay open: nothing pretends that they were whole. Idempotent."""
        if self.ended:
            return
        if self.started:
            self._report_usage()
        self._tell(Failed(error))
        self.ended = True

    def _report_usage(self) -> None:
        if self.usage is not None:
            self._tell(UsageReported(self.usage))

    def _emit(self, index: int, text: str) -> None:
        if text:
            self._tell(Delta(index, text))


def _custom_input(arguments: str) -> str:
    """The freeform text of a custom tool that was offered as a function with one property ``input``."""
    try:
        value = msgspec.json.decode(arguments, type=dict[str, object])
    except msgspec.DecodeError:
        return arguments
    text = value.get("input")
    return text if isinstance(text, str) and len(value) == 1 else arguments
