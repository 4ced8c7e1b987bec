"""The tool calls of an upstream's reply, put together from pieces.

Theory of operation. Pieces belong together by index; hosts without indexes start a call with an id or a name, and so do
hosts that give all calls the same index (Gemini, older Ollama), once the call before is whole. A call
starts once its name is known, and stays open, as pieces may come interleaved, until its JSON is complete and another
call begins, or until the end. What a host wants back with a call (``extra_content``) becomes an empty reasoning
part before it, or at the end where it comes too late for that.

OpenAI's models sometimes call a tool ``parallel`` that nobody declared, whose arguments wrap several calls; these are
told instead (protocols digest 6.4).
"""

from functools import partial

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.decoding import arguments_text, encode, parse_arguments
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.reply_builder import ReplyBuilder
from wsgi_gateway.protocols.steady import Repeated

RepeatedDelta = tuple[Repeated, wire.Delta]
"""How a delta may be repeated that is equal to the other one, which has nothing but the text."""

_WRAPPERS = ("parallel", "multi_tool_use.parallel")


class _Use(Struct):
    recipient_name: str
    parameters: msgspec.Raw


class _Wrapped(Struct):
    tool_uses: list[_Use]


class _Call:
    """A tool call in the making: ``part`` is None until it has started.

    ``held`` says that its arguments are ``{}`` so far, which is not told yet: hosts in front of Anthropic's models
    begin with it, whatever follows.
    """

    __slots__ = ("arguments", "custom", "extra", "held", "id", "name", "part")

    def __init__(self) -> None:
        self.id: str | int | None = None
        self.name: str | None = None
        self.custom = False
        self.extra: Json | None = None
        self.part: int | None = None
        self.arguments: list[str] = []
        self.held = False

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are complete JSON, so that it cannot grow."""
        text = "".join(self.arguments)
        return bool(text.strip()) and parse_arguments(text) is not None

    def add(self, text: str) -> str:
        """Take the next piece of the arguments; returns what of them can be told now."""
        if self.held:
            self.held = False
            if text.lstrip().startswith("{"):
                self.arguments.clear()
            told = "".join([*self.arguments, text])
        else:
            self.held = text == "{}" and not self.arguments and not self.custom
            told = "" if self.held else text
        self.arguments.append(text)
        return told


class CallsReader:
    """Speaks through the reply's one ``builder``."""

    def __init__(self, builder: ReplyBuilder, aliases: Aliases, origin: str) -> None:
        self._builder = builder
        self._aliases = aliases
        self._origin = origin
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._last: _Call | None = None

    @property
    def any(self) -> bool:
        """Whether there was a call so far."""
        return bool(self._calls)

    def is_new(self, piece: wire.ToldCall) -> bool:
        """Whether ``piece`` begins another call."""
        return self._call_of(piece) is None

    def read(self, piece: wire.ToldCall) -> None:
        call = self._call_of(piece)
        if call is None:
            self.close_whole()
            call = _Call()
            self._calls.append(call)
        self._last = call
        if piece.index is not None:
            self._by_index[piece.index] = call
        call.id = call.id or piece.id
        call.name = call.name or _name(piece)
        call.custom = call.custom or piece.custom is not None
        if isinstance(piece.extra_content, dict):
            call.extra = call.extra or piece.extra_content
        text = _text(piece)
        if text:
            text = call.add(text)
        if call.part is not None:
            self._builder.delta(call.part, text)
        elif call.name and not self._is_wrapper(call):
            self._start(call, call.name)

    def repeated(self, pieces: list[wire.ToldCall]) -> RepeatedDelta | None:
        """How a delta of one piece may be repeated, whose call has started. One with a name may begin another."""
        piece = pieces[0] if len(pieces) == 1 else wire.ToldCall()
        call = self._by_index.get(piece.index) if piece.index is not None else None
        if call is None or call.part is None or not _text(piece) or _name(piece) or call.held:
            return None
        if piece.custom is not None:
            field = "input"
        elif piece.function is not None and isinstance(piece.function.arguments, str):
            field = "arguments"
        else:
            return None
        again = Repeated(field, partial(self._texts, call, call.part))
        return again, wire.Delta(tool_calls=[piece])

    def _texts(self, call: _Call, part: int, texts: list[str]) -> None:
        """Further pieces of the arguments."""
        call.arguments += texts
        self._builder.deltas(part, texts)

    def _call_of(self, piece: wire.ToldCall) -> _Call | None:
        """The call that ``piece`` continues; None if it begins one."""
        if piece.index is not None:
            call = self._by_index.get(piece.index)
            return None if call is None or _begins_another(piece, call) else call
        last = self._last
        if last is None or (piece.id and piece.id != last.id) or (_name(piece) and not piece.id):
            return None
        return last

    def _start(self, call: _Call, name: str) -> None:
        call.id = call.id or new_id("call_")
        self._tell_extra(call)
        call.part = self._builder.open_call(str(call.id), name, custom=call.custom)
        self._builder.delta(call.part, "" if call.held else "".join(call.arguments))

    def _tell_extra(self, call: _Call) -> None:
        if call.extra:
            value = encode(call.extra).decode()
            proof = Proof(kind="call", value=value, item_id=str(call.id), origin=self._origin)
            self._builder.close(self._builder.open("reasoning"), proof)
            call.extra = None

    def close_whole(self) -> None:
        """A call whose JSON is complete cannot grow: ending it lets the next part through at once."""
        for call in self._calls:
            if call.custom or not call.is_whole:
                continue
            if call.part is not None:
                self._builder.close(call.part)
            elif call.name:
                self._unwrap(call, call.name)

    def tell_held(self) -> None:
        """Nothing more comes: what was held back is all that there is."""
        for call in self._calls:
            if call.held and call.part is not None:
                self._builder.delta(call.part, "{}")
            call.held = False

    def end(self) -> bool:
        """Start what was held back. False if a call never got a name."""
        self.tell_held()
        for call in self._calls:
            if call.part is None and call.name:
                self._unwrap(call, call.name)
            elif call.part is None:
                return False
            elif call.extra:
                self._builder.close(call.part)
                self._tell_extra(call)
        return True

    def _is_wrapper(self, call: _Call) -> bool:
        name = call.name or ""
        return name in _WRAPPERS and not call.custom and not self._aliases.knows_tool(name)

    def _unwrap(self, call: _Call, name: str) -> None:
        """The calls inside; the call as it is where it wraps anything but calls of known tools."""
        uses = _uses("".join(call.arguments))
        names = [use.recipient_name.removeprefix("functions.") for use in uses]
        if not uses or not all(map(self._aliases.knows_tool, names)):
            self._start(call, name)
            return
        for use, inner in zip(uses, names, strict=True):
            call.part = self._builder.open_call(new_id("call_"), inner)
            self._builder.delta(call.part, bytes(use.parameters).decode())
            self._builder.close(call.part)


def _begins_another(piece: wire.ToldCall, call: _Call) -> bool:
    """Whether ``piece`` has the index of ``call``, but is of another.

    Some hosts repeat the name, or make a new id, in every piece (older vLLM): these alone tell nothing.
    """
    name = _name(piece)
    if not name or (piece.id and piece.id == call.id):
        return False
    if name != call.name:
        return call.is_whole or bool(piece.id and call.id)
    return _text(piece).lstrip().startswith("{") and call.is_whole


def _uses(arguments: str) -> list[_Use]:
    try:
        return msgspec.json.decode(arguments, type=_Wrapped).tool_uses
    except (ValueError, RecursionError):
        return []


def _name(piece: wire.ToldCall) -> str | None:
    called = piece.custom or piece.function
    return called.name if called else None


def _text(piece: wire.ToldCall) -> str:
    """What the piece adds to the arguments, which some hosts send as an object."""
    if piece.custom is not None:
        return piece.custom.input or ""
    given = piece.function.arguments if piece.function else None
    if isinstance(given, str):
        return given
    return "" if given is None else arguments_text(given)
