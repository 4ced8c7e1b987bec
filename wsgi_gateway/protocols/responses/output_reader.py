"""An upstream's output items, as they grow or whole, told to a ``ReplyBuilder`` as parts.

Theory of operation. Every text of the wire (a content part, a call's arguments, a piece of a summary) arrives as deltas
and is then repeated whole, up to three times: in its own ``done`` event, in its item's, and in the final response. Each
repetition only adds what was still missing, so nothing is lost or doubled whatever subset a host sends. So it is with
annotations and log probabilities; a text that is done stays open for them until its item is, or another part starts.
Items are known by ``output_index``, by their id where a host tells none (llama.cpp) or one for several (LiteLLM), or by
a call's; ids alone tell nothing, as some hosts make them anew in every event (Copilot). The final response's are known
by their id, or else by their place.
"""

from typing import Any, Literal

import msgspec

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import arguments_text
from wsgi_gateway.protocols.events import PartKind
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.logprobs import read_logprobs
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.citations import read_annotation
from wsgi_gateway.protocols.responses.searches import read_search
from wsgi_gateway.protocols.translation import Translation

_CALLS = ("function_call", "custom_tool_call")
_KNOWN = frozenset({"message", "reasoning", "web_search_call", *_CALLS})
_Kind = Literal["message", "reasoning", "search", "call"]
_KINDS: dict[str, _Kind] = {
    "message": "message",
    "reasoning": "reasoning",
    "web_search_call": "search",
    **dict.fromkeys(_CALLS, "call"),
}


class GrowingText:
    """A text of the wire as it comes, and the part that it belongs to."""

    __slots__ = ("_annotations", "_builder", "_logprobs", "_pieces", "is_over", "part")

    def __init__(self, builder: ReplyBuilder, part: int) -> None:
        self._builder = builder
        self._pieces: list[str] = []
        self._annotations = 0
        self._logprobs = 0
        self.part = part
        self.is_over = False

    def add(self, text: str, logprobs: list[Json] | None = None) -> None:
        self._pieces.append(text)
        self._logprobs += len(logprobs or ())
        self._builder.delta(self.part, text, logprobs)

    def extend(self, texts: list[str]) -> None:
        """Further texts that arrived together."""
        self._pieces += texts
        self._builder.deltas(self.part, texts)

    def complete(self, whole: str, logprobs: list[Json] | None = None) -> bool:
        """``whole`` is all of it: deliver the end that no delta brought.

        False if there are log probabilities for which there is no text left to go with.
        """
        missing = (logprobs or [])[self._logprobs :]
        streamed = "".join(self._pieces)
        if len(whole) > len(streamed) and whole.startswith(streamed):
            self.add(whole[len(streamed) :], missing or None)
            return True
        self._logprobs += len(missing)
        return not missing

    def is_news(self, index: int | None) -> bool:
        """Whether an annotation is new: ``index`` is its place among the text's, None the next one."""
        if index is not None and index < self._annotations:
            return False
        self._annotations += 1
        return True

    def is_empty(self) -> bool:
        return not any(self._pieces)


class _Item:
    """``texts`` are known by content or summary index; all those of reasoning share one part."""

    __slots__ = ("channel", "done", "kind", "phase", "texts")

    def __init__(self, kind: _Kind) -> None:
        self.kind = kind
        self.texts: dict[int, GrowingText] = {}
        self.channel: str | None = None
        self.phase: str | None = None
        self.done = False


class OutputReader:
    """The output of one response. Raises msgspec.ValidationError for an item that is odd.

    ``web_searches`` counts the searches that ran so far.
    """

    def __init__(self, builder: ReplyBuilder, translation: Translation) -> None:
        self.web_searches = 0
        self._builder = builder
        self._origin = translation.origin
        self._loss = translation.loss
        self._items: dict[int | str | None, _Item] = {}
        self._by_id: dict[str | None, _Item] = {}
        self._message: _Item | None = None
        self._over: list[GrowingText] = []

    def add_item(self, event: wire.StreamEvent) -> None:
        """``output_item.added``: a call begins with it; other items with their first text."""
        given = _known_item(event.item)
        if given is None:
            return
        item = self._item_of(event, given)
        self._remember(given, item)
        if given.type in _CALLS and given.name:
            self._open_call(item, given)

    def add_text(self, event: wire.StreamEvent, kind: PartKind) -> GrowingText:
        """A delta of a message's text or refusal."""
        content = self._text(self._item(event, "message"), event.content_index or 0, kind)
        content.add(event.delta, read_logprobs(event.logprobs) or None)
        return content

    def annotate(self, event: wire.StreamEvent) -> None:
        content = self._text(self._item(event, "message"), event.content_index or 0, "text")
        self._annotate(content, event.annotation, event.annotation_index)

    def end_text(self, event: wire.StreamEvent, kind: PartKind, part: wire.OutputPart) -> None:
        """A message's text or refusal, whole."""
        self._end_text(self._item(event, "message"), event.content_index or 0, kind, part)

    def add_arguments(self, event: wire.StreamEvent) -> GrowingText | None:
        """A delta of a call; one that was never announced waits for its whole item."""
        call = self._item(event, "call").texts.get(0)
        if call is not None:
            call.add(event.delta)
        return call

    def end_arguments(self, event: wire.StreamEvent, whole: str) -> None:
        call = self._item(event, "call").texts.get(0)
        if call is not None:
            call.complete(whole)

    def add_thought(self, event: wire.StreamEvent, channel: str) -> GrowingText | None:
        """A delta of reasoning in ``channel`` (summary or content); the item's first channel is read."""
        item = self._item(event, "reasoning")
        thought = self._thought(item, channel, _thought_index(event))
        if thought is not None:
            thought.add(event.delta)
        return thought

    def end_thought(self, event: wire.StreamEvent, channel: str, whole: str) -> None:
        if whole:
            item = self._item(event, "reasoning")
            thought = self._thought(item, channel, _thought_index(event))
            if thought is not None:
                thought.complete(whole)

    def end_item(self, event: wire.StreamEvent) -> None:
        given = _known_item(event.item)
        if given is not None:
            self._end_item(self._item_of(event, given), given, event.output_index)
        else:
            self._note_lost(event.item, event.output_index)

    def read_whole(self, output: list[Any]) -> None:
        """The final response's items, or a full reply's: deliver what no event brought."""
        items = [_known_item(value) for value in output]
        told = self._told(items)
        for place, given in enumerate(items):
            if given is None:
                self._note_lost(output[place], place)
            else:
                item = told.get(place) or _Item(_KINDS[given.type])
                self._end_item(item, given, place)

    def _told(self, items: list[wire.OutputItem | None]) -> dict[int, _Item]:
        """By its place, what events told of an item of the final response: by id, by place, else one that is left."""
        told: dict[int, _Item] = {}
        taken: set[_Item] = set()
        untold = [(place, given) for place, given in enumerate(items) if given is not None]
        for find in (self._named, self._placed, self._others):
            for place, given in untold:
                for item in find(given, place):
                    if item.kind == _KINDS[given.type] and item not in taken:
                        told[place] = item
                        taken.add(item)
                        break
            untold = [(place, given) for place, given in untold if place not in told]
            if not untold:
                break
        return told

    def _named(self, given: wire.OutputItem, _: int) -> list[_Item]:
        return [self._by_id[name] for name in (given.id, given.call_id) if name in self._by_id]

    def _placed(self, _: wire.OutputItem, place: int) -> list[_Item]:
        return [self._items[place]] if place in self._items else []

    def _others(self, given: wire.OutputItem, _: int) -> list[_Item]:
        """A call has an id that does not change."""
        return [] if given.type in _CALLS else [*self._items.values(), *self._by_id.values()]

    def _note_lost(self, item: Any, place: int | None) -> None:
        """Something that ran upstream, of which other APIs have no notion."""
        kind = item.get("type") if isinstance(item, dict) else None
        self._note_unknown(_path(place), kind)

    def _note_unknown(self, path: str, kind: Any) -> None:
        self._loss.approximated(path, f"of type {str(kind)[:64]!r}, which other APIs do not have")

    def _item_of(self, event: wire.StreamEvent, given: wire.OutputItem) -> _Item:
        """The item that is added or done with ``event``."""
        return self._item(event, _KINDS[given.type], given.id or given.call_id)

    def _item(self, event: wire.StreamEvent, kind: _Kind, name: str | None = None) -> _Item:
        """The item that ``event`` is of."""
        item = self._items.get(event.output_index)
        if item is not None and item.kind == kind and not item.done:
            return item
        return self._another(event, kind, event.item_id or name)

    def _another(self, event: wire.StreamEvent, kind: _Kind, name: str | None) -> _Item:
        """The item that ``event`` is of, which its index alone does not tell."""
        key = name if event.output_index is None else event.output_index
        item = self._items.get(key)
        if item is None or item.kind != kind or item.done:
            known = self._by_id.get(name) if name else item
            if known is None or known.kind != kind:
                known = _Item(kind)
            if known is not item:
                item = self._items[key] = known
                if name:
                    self._by_id[name] = item
        return item

    def _remember(self, given: wire.OutputItem, item: _Item) -> None:
        for name in (given.id, given.call_id):
            if name:
                self._by_id[name] = item
        item.phase = given.phase or item.phase

    def _text(self, item: _Item, index: int, kind: PartKind) -> GrowingText:
        text = item.texts.get(index)
        if text is None:
            is_another = self._message not in (None, item)
            self._message = item
            self._settle()
            part = self._builder.open(kind, starts_message=is_another, phase=item.phase)
            text = item.texts[index] = GrowingText(self._builder, part)
        return text

    def _settle(self) -> None:
        """Before another part starts: what is over and waited for late annotations ends."""
        for text in self._over:
            self._builder.close(text.part)
        self._over = []

    def _end_text(self, item: _Item, index: int, kind: PartKind, part: wire.OutputPart) -> None:
        whole = (part.refusal if kind == "refusal" else part.text) or ""
        logprobs = read_logprobs(part.logprobs)
        if not whole and index not in item.texts:
            if logprobs:
                self._loss.approximated("reply.logprobs", "those of an empty text were left out")
            return
        text = self._text(item, index, kind)
        if not text.complete(whole, logprobs):
            self._loss.approximated(
                "reply.logprobs", "they came after their text, and were left out"
            )
        annotations = part.annotations if isinstance(part.annotations, list) else []
        for number, annotation in enumerate(annotations):
            self._annotate(text, annotation, number)
        if not text.is_over:
            text.is_over = True
            self._over.append(text)

    def _annotate(self, text: GrowingText, native: Any, index: int | None) -> None:
        if not text.is_news(index):
            return
        annotation = read_annotation(native)
        if annotation is None:
            self._loss.dropped("reply.annotations", "one of a kind that is unknown")
        elif not self._builder.is_open(text.part):
            self._loss.dropped("reply.annotations", "one that came after its text had ended")
        else:
            self._builder.annotate(text.part, annotation)

    def _open_call(self, item: _Item, given: wire.OutputItem) -> None:
        if 0 not in item.texts:
            self._settle()
            part = self._builder.open_call(
                given.call_id or given.id or new_id("call_"),
                given.name or "",
                custom=given.type == "custom_tool_call",
            )
            item.texts[0] = GrowingText(self._builder, part)

    def _thought(self, item: _Item, channel: str, index: int) -> GrowingText | None:
        if item.channel not in (None, channel):
            self._loss.dropped("reply.reasoning", f"told in two forms, of which {channel} was left")
            return None
        item.channel = channel
        thought = item.texts.get(index)
        if thought is None:
            last = next(reversed(item.texts.values()), None)
            self._settle()
            part = self._builder.open("reasoning") if last is None else last.part
            if last is not None and not last.is_empty():
                self._builder.delta(part, "\n\n")
            thought = item.texts[index] = GrowingText(self._builder, part)
        return thought

    def _end_item(self, item: _Item, given: wire.OutputItem, place: int | None) -> None:
        if item.done:
            return
        item.done = True
        self._remember(given, item)
        match given.type:
            case "message":
                self._end_message(item, given, place)
            case "reasoning":
                self._end_reasoning(item, given)
            case "web_search_call":
                self._end_search(given, place)
            case _ if given.name:
                self._open_call(item, given)
                self._note_caller(given, place)
                call = item.texts[0]
                custom = given.type == "custom_tool_call"
                if custom:
                    call.complete(given.input or "")
                elif given.arguments:
                    call.complete(arguments_text(given.arguments))
                self._builder.close(call.part, complete=given.status != "incomplete")

    def _note_caller(self, given: wire.OutputItem, place: int | None) -> None:
        """A call that a program of the upstream made, or that it does not wait for, is one like any other here."""
        kind = given.caller.get("type") if isinstance(given.caller, dict) else None
        if given.is_async or kind not in (None, "direct"):
            self._loss.approximated(
                _path(place), "who called the tool, or that nobody waits for it"
            )

    def _end_message(self, item: _Item, given: wire.OutputItem, place: int | None) -> None:
        for index, part in enumerate(given.content or ()):
            if part.type == "output_text":
                self._end_text(item, index, "text", part)
            elif part.type == "refusal":
                self._end_text(item, index, "refusal", part)
            else:
                self._note_unknown(f"{_path(place)}.content[{index}]", part.type)
        for text in item.texts.values():
            self._builder.close(text.part)

    def _end_search(self, given: wire.OutputItem, place: int | None) -> None:
        """A search is told when it is over, since only then it says what it was."""
        search = read_search(given.action)
        if search is None:
            self._loss.dropped(_path(place), "a page that the upstream's search looked into")
            return
        self.web_searches += 1
        self._settle()
        part = self._builder.open("web_search", item_id=given.id or new_id("ws_"))
        complete = given.status not in ("failed", "incomplete")
        self._builder.close(part, complete=complete, search=search)

    def _end_reasoning(self, item: _Item, given: wire.OutputItem) -> None:
        channel = item.channel or ("summary" if given.summary else "content")
        forms = {"summary": given.summary, "content": given.content}
        for form in sorted(forms, key=lambda form: form != channel):
            for index, part in enumerate(forms[form] or ()):
                if part.text:
                    thought = self._thought(item, form, index)
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


def _path(place: int | None) -> str:
    return "reply.output" if place is None else f"reply.output[{place}]"


def _known_item(value: Any) -> wire.OutputItem | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind in _KNOWN:
        return msgspec.convert(value, wire.OutputItem, strict=False)
    return None
