"""The inner loops whose instructions are counted: what the gateway does per event of a stream, and per request.

Here: the inputs, which are always the same, and one function per loop; they use what every protocol offers to the rest
of the gateway, nothing further inside. As a program it runs cases N and 2N times, each in a process of its own, for
``instructions`` to count and compare.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from msgspec import Raw, Struct

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.capabilities import capabilities_of
from wsgi_gateway.protocols.conversation import (
    Conversation,
    Item,
    Message,
    Proof,
    ProofKind,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode, encode_request
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.request_body import read_request
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation

REFERENCE = "reference"
_GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
_STREAMS = {"chat_completions": "chat", "messages": "messages", "responses": "responses"}
_REPEATED = b'"Let me "'
"""What the event says that is repeated."""
_EVENTS = 100
_PIECE = 8192
"""Bytes that arrive together."""
_LONG = 1000
"""Messages of a long history, a kilobyte each."""
_PARAGRAPH = (
    'Read "the file", then\n    return {"path": path}  # or None, where there is none.\n' * 13
)
_BEYOND_ASCII = '"ファイル" を読む — 東京\n    return {"path": path}  # größer als None\n' * 12


class Case(Struct, frozen=True):
    """A loop: ``run`` goes through it ``units`` times; counted are ``repeats`` and twice as many runs."""

    run: Callable[[], object]
    units: int
    repeats: int


def _translation(api: str, loss: Loss) -> Translation:
    kind, model = ("anthropic", "claude-sonnet-4-5") if api == "messages" else ("openai", "gpt-5.6")
    return Translation(
        model=model, origin="provider", capabilities=capabilities_of(kind, model), loss=loss
    )


def _history(api: str, messages: int, paragraph: str) -> list[Item]:
    """A question; or an agent's work, where every fourth message thinks and calls a tool."""
    items: list[Item] = []
    kind: ProofKind = "encrypted" if api == "responses" else "signature"
    for number in range(0, messages - 1, 4):
        call = ToolCall(id=f"call_{number}", name="read_file", arguments='{"path":"src/main.py"}')
        items += [
            Message(role="user", parts=[Text(words=paragraph)]),
            Reasoning(text=paragraph, proof=Proof(kind=kind, value="U0lHTkFUVVJF" * 9)),
            call,
            ToolResult(call_id=call.id, parts=[Text(words=paragraph)]),
            Message(role="assistant", parts=[Text(words=paragraph)]),
        ]
    return [*items, Message(role="user", parts=[Text(words="What is the weather in Paris?")])]


def _conversation(api: str, messages: int, paragraph: str = _PARAGRAPH) -> Conversation:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return Conversation(
        api=api,
        model="gw/model",
        stream=True,
        instructions=[Text(words="You are a helpful assistant.")],
        items=_history(api, messages, paragraph),
        tools=[
            Tool(name=name, description="Works on a file.", parameters=schema)
            for name in ("read_file", "write_file")
        ],
        max_output_tokens=2000,
    )


def _body(api: str, messages: int, paragraph: str) -> bytes:
    conversation = _conversation(api, messages, paragraph)
    return encode(PROTOCOLS[api].write_request(conversation, _translation(api, Loss(api))))


def _stream(api: str) -> list[bytes]:
    """A golden stream's events, one of its texts repeated."""
    whole = (_GOLDEN / f"{_STREAMS[api]}.sse").read_bytes()
    events = [event + b"\n\n" for event in whole.split(b"\n\n") if event]
    at = next(number for number, event in enumerate(events) if _REPEATED in event)
    return [*events[:at], *[events[at]] * _EVENTS, *events[at + 1 :]]


def _passing(api: str) -> Case:
    events = _stream(api)
    size = sum(map(len, events))

    def run() -> None:
        tap = PROTOCOLS[api].tap()
        passed = sum(len(tap.feed(event)) for event in events)
        if not tap.ended or passed != size:
            raise RuntimeError(f"a stream of {api} did not pass whole")

    return Case(run, len(events), 20)


def _translating(upstream: str, client: str, *, together: bool) -> Case:
    """Events as they come alone, or ``together`` in pieces as sockets bring them."""
    events = _stream(upstream)
    whole = b"".join(events)
    pieces = [whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE)]
    conversation = _conversation(client, 1)

    def run() -> None:
        loss = Loss(client)
        reader = PROTOCOLS[upstream].stream_reader(_translation(upstream, loss))
        writer = PROTOCOLS[client].stream_writer(conversation, loss)
        for piece in pieces if together else events:
            writer.write(reader.feed(piece))
        writer.write(reader.finish())
        if not reader.ended:
            raise RuntimeError(f"a stream of {upstream} did not end")

    return Case(run, len(events), 10)


def _request(client: str, upstream: str, messages: int, paragraph: str = _PARAGRAPH) -> Case:
    body = _body(client, messages, paragraph)
    history = PROTOCOLS[client].history

    def run() -> bytes:
        loss = Loss(client)
        fields = read_request(body, history)
        conversation = PROTOCOLS[client].read_request(fields, loss)
        written = PROTOCOLS[upstream].write_request(conversation, _translation(upstream, loss))
        loss.header()
        return (encode if isinstance(fields[history], Raw) else encode_request)(written)

    return Case(run, 1, 100 if messages == 1 else 1)


def _decoding() -> Case:
    events = _stream("responses")
    whole = b"".join(events)
    return Case(lambda: sse.Decoder().feed(whole), len(events), 40)


class _Visitor:
    """Pure Python of an everyday kind, for the reference."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def visit(self, value: object, path: str) -> int:
        match value:
            case dict():
                return sum(self.visit(inner, f"{path}.{name}") for name, inner in value.items())
            case list():
                return sum(self.visit(inner, path) for inner in value)
            case str():
                self.seen[path] = self.seen.get(path, 0) + len(value)
        return 1


def _reference() -> Case:
    """What the others are told as a multiple of: another build of Python makes all of them faster or slower."""
    content = [{"type": "text", "text": _PARAGRAPH[:200]}]
    text = json.dumps([{"role": "user", "content": content}] * 50)

    def run() -> int:
        value = json.loads(text)
        return _Visitor().visit(value, "$") + len(json.dumps(value))

    return Case(run, 1, 50)


def _all() -> Iterator[tuple[str, Callable[[], Case]]]:
    yield REFERENCE, _reference
    yield "decode events", _decoding
    for api in PROTOCOLS:
        yield f"event passing, {api}", partial(_passing, api)
    pairs = [(one, other) for one in PROTOCOLS for other in PROTOCOLS if one != other]
    for one, other in pairs:
        yield f"event, {one} to {other}", partial(_translating, one, other, together=False)
        name = f"event of many, {one} to {other}"
        yield name, partial(_translating, one, other, together=True)
    for size, messages in (("small", 1), ("1 MB", _LONG)):
        for one, other in pairs:
            yield f"{size} request, {one} to {other}", partial(_request, one, other, messages)
    for one, other in pairs:
        name = f"1 MB request beyond ASCII, {one} to {other}"
        yield name, partial(_request, one, other, _LONG, _BEYOND_ASCII)


CASES: dict[str, Callable[[], Case]] = dict(_all())
"""Each is prepared only when it is asked for."""


def _child(case: Case, runs: int) -> int:
    """The process that ran ``case`` so often, when it is over."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            for _ in range(runs):
                case.run()
            status = 0
        finally:
            os._exit(status)
    _, state = os.waitpid(process, 0)
    if state != 0:
        raise RuntimeError("a case failed")
    return process


def main(names: list[str]) -> None:
    """Prints a line of JSON per case: its name, its units, N, and the processes that ran it N and 2N times."""
    gc.disable()
    for name in names:
        case = CASES[name]()
        for _ in range(max(1, case.repeats // 10)):
            case.run()
        once, twice = _child(case, case.repeats), _child(case, 2 * case.repeats)
        print(json.dumps([name, case.units, case.repeats, once, twice]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
