"""An upstream's output items, as they grow or whole, told to a ``ReplyBuilder`` as parts.

Theory of operation. Every text of the wire (a content part, a call's arguments, a piece of a summary) arrives as deltas
and is then repeated whole, up to three times: in its own ``done`` event, in its item's, and in the final response. Each
repetition only adds what was still missing, so nothing is lost or doubled whatever subset a host sends. Items are
known by ``output_index``; the final response's by their id, or else by their place.
"""

from typing import Any

import msgspec

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.decoding import arguments_text
from wsgi_gateway.protocols.events import PartKind
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.responses import wire

_CALLS = ("function_call", "custom_tool_call")
_KNOWN = frozenset({"message", "reasoning", *_CALLS})


class _Text:
    """A growing text and the part that it belongs to."""

    __slots__ = ("_builder", "_pieces", "part")

    def __init__(self, builder: ReplyBuilder, part: int) -> None:
        self._builder = builder
        self._pieces: list[str] = []
        self.part = part

    def add(self, text: str) -> None:
        self._pieces.append(text)
        self._builder.delta(self.part, text)

    def complete(self, whole: str) -> None:
        """``whole`` is all of it: deliver the end that no delta brought."""
        streamed = "".join(self._pieces)
        if len(whole) > len(streamed) and whole.startswith(streamed):
            self.add(whole[len(streamed) :])

    def is_empty(self) -> bool:
        return not any(self._pieces)


class _Item:
    """``texts`` are known by content or summary index; all those of reasoning share one part."""

    __slots__ = ("channel", "done", "texts")

    def __init__(self) -> None:
        self.texts: dict[int, _Text] = {}
        self.channel: str | None = None
        self.done = False


class OutputReader:
    """The output of one response. Raises msgspec.ValidationError for an item that is odd."""

    def __init__(self, builder: ReplyBuilder, origin: str) -> None:
        self._builder = builder
        self._origin = origin
        self._items: dict[int | str | None, _Item] = {}
        self._by_id: dict[str, _Item] = {}

    def add_item(self, event: wire.StreamEvent) -> None:
        """``output_item.added``: a call begins with it; other items with their first text."""
        given = _known_item(event.item)
        if given is None:
            return
        item = self._item(event)
        self._remember(given, item)
        if given.type in _CALLS and given.name:
            self._open_call(item, given)

    def add_text(self, event: wire.StreamEvent, kind: PartKind, text: str) -> None:
        """A delta of a message's text or refusal."""
        self._text(self._item(event), event.content_index or 0, kind).add(text)

    def end_text(self, event: wire.StreamEvent, kind: PartKind, whole: str) -> None:
        self._end_text(self._item(event), event.content_index or 0, kind, whole)

    def add_arguments(self, event: wire.StreamEvent, text: str) -> None:
        """A delta of a call; one that was never announced waits for its whole item."""
        call = self._item(event).texts.get(0)
        if call is not None:
            call.add(text)

    def end_arguments(self, event: wire.StreamEvent, whole: str) -> None:
        call = self._item(event).texts.get(0)
        if call is not None:
            call.complete(whole)

    def add_thought(self, event: wire.StreamEvent, channel: str, text: str) -> None:
        """A delta of reasoning in ``channel`` (summary or content); the item's first channel is read."""
        thought = self._thought(self._item(event), channel, _thought_index(event))
        if thought is not None:
            thought.add(text)

    def end_thought(self, event: wire.StreamEvent, channel: str, whole: str) -> None:
        if whole:
            thought = self._thought(self._item(event), channel, _thought_index(event))
            if thought is not None:
                thought.complete(whole)

    def end_item(self, event: wire.StreamEvent) -> None:
        given = _known_item(event.item)
        if given is not None:
            self._end_item(self._item(event), given)

    def read_whole(self, output: list[Any]) -> None:
        """The final response's items, or a full reply's: deliver what no event brought."""
        for place, value in enumerate(output):
            given = _known_item(value)
            if given is None:
                continue
            item = self._by_id.get(given.id or "")
            self._end_item(item or self._items.setdefault(place, _Item()), given)

    def _item(self, event: wire.StreamEvent) -> _Item:
        key: int | str | None = event.output_index
        if key is None:
            key = event.item_id or (event.item.get("id") if isinstance(event.item, dict) else None)
        item = self._items.get(key)
        if item is None:
            item = self._items[key] = _Item()
        return item

    def _remember(self, given: wire.OutputItem, item: _Item) -> None:
        if given.id:
            self._by_id[given.id] = item

    def _text(self, item: _Item, index: int, kind: PartKind) -> _Text:
        text = item.texts.get(index)
        if text is None:
            text = item.texts[index] = _Text(self._builder, self._builder.open(kind))
        return text

    def _end_text(self, item: _Item, index: int, kind: PartKind, whole: str) -> None:
        if whole or index in item.texts:
            text = self._text(item, index, kind)
            text.complete(whole)
            self._builder.close(text.part)

    def _open_call(self, item: _Item, given: wire.OutputItem) -> None:
        if 0 not in item.texts:
            part = self._builder.open_call(
                given.call_id or given.id or new_id("call_"),
                given.name or "",
                custom=given.type == "custom_tool_call",
            )
            item.texts[0] = _Text(self._builder, part)

    def _thought(self, item: _Item, channel: str, index: int) -> _Text | None:
        if item.channel not in (None, channel):
            return None
        item.channel = channel
        thought = item.texts.get(index)
        if thought is None:
            last = next(reversed(item.texts.values()), None)
            part = self._builder.open("reasoning") if last is None else last.part
            if last is not None and not last.is_empty():
                self._builder.delta(part, "\n\n")
            thought = item.texts[index] = _Text(self._builder, part)
        return thought

    def _end_item(self, item: _Item, given: wire.OutputItem) -> None:
        if item.done:
            return
        item.done = True
        self._remember(given, item)
        match given.type:
            case "message":
                self._end_message(item, given)
            case "reasoning":
                self._end_reasoning(item, given)
            case _ if given.name:
                self._open_call(item, given)
                call = item.texts[0]
                custom = given.type == "custom_tool_call"
                if custom:
                    call.complete(given.input or "")
                elif given.arguments:
                    call.complete(arguments_text(given.arguments))
                self._builder.close(call.part, complete=given.status != "incomplete")

    def _end_message(self, item: _Item, given: wire.OutputItem) -> None:
        for index, part in enumerate(given.content or ()):
            if part.type == "output_text":
                self._end_text(item, index, "text", part.text or "")
            elif part.type == "refusal":
                self._end_text(item, index, "refusal", part.refusal or "")
        for text in item.texts.values():
            self._builder.close(text.part)

    def _end_reasoning(self, item: _Item, given: wire.OutputItem) -> None:
        channel = item.channel or ("summary" if given.summary else "content")
        parts = given.summary if channel == "summary" else given.content
        for index, part in enumerate(parts or ()):
            if part.text:
                thought = self._thought(item, channel, index)
                if thought is not None:
                    thought.complete(part.text)
        proof = Proof(kind="none", origin=self._origin)
        if given.encrypted_content:
            proof = Proof(
                kind="encrypted",
                value=given.encrypted_content,
                item_id=given.id,
                origin=self._origin,
            )
            if not item.texts:
                self._thought(item, channel, 0)
        for thought in item.texts.values():
            self._builder.close(thought.part, proof)


def _thought_index(event: wire.StreamEvent) -> int:
    return event.summary_index or event.content_index or 0


def _known_item(value: Any) -> wire.OutputItem | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in _KNOWN:
        return msgspec.convert(value, wire.OutputItem, strict=False)
    return None
