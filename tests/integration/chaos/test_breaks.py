"""A reply that breaks off, in every way, at every point, for all nine pairs, plain and streamed.

Here: connections that end too soon, bytes that are no HTTP, silence. Not here: replies that are whole, but odd
(test_whole_replies.py), and upstreams that cannot even be asked (test_no_upstream.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

import pytest
from support.broken_replies import POINTS, head, wire_of
from support.chaos import IS_URLLIB3, WELL, Chaos, Exchange, Expected, Scripts, seen
from support.pairs import APIS, PLAIN_AND_STREAM
from support.raw_upstream import PATIENCE, Asked, Fate, Forever, Step
from support.streams import Api
from support.until import until

FATES: dict[str, tuple[Step, ...]] = {
    "reset": ("reset",),
    "close": ("close",),
    "half close": ("half close",),
    "garbage": (b"\x00\xff\x16\x03 SSH-2.0-nonsense", "half close"),
    "HTML": (b"<html><body><h1>502 Bad Gateway</h1></body></html>\r\n", "close"),
}


def at_all_points(name: str, stream: bool, error: int) -> Iterator[tuple[Exchange, Expected]]:
    """All pairs, all points, with what their clients see. Each point is a model."""
    for theirs in APIS:
        for point, (_, sees) in POINTS[theirs, stream].items():
            for ours in APIS:
                expected = Expected(error if sees == "error" else 200, sees)
                yield Exchange(ours, theirs, stream, "main", f"{name} {point}"), expected


def script_all(scripts: Scripts, name: str, stream: bool, steps: Iterable[Step]) -> None:
    for point in POINTS[APIS[0], stream]:

        def broken(_: Asked, api: Api, point: str = point) -> Iterable[Step]:
            return [POINTS[api, stream][point][0], *steps]

        scripts.by_model[f"{name} {point}"] = broken


@PLAIN_AND_STREAM
@pytest.mark.parametrize("fate", FATES)
def test_a_reply_that_breaks_off(chaos: Chaos, scripts: Scripts, fate: str, stream: bool) -> None:
    script_all(scripts, fate, stream, FATES[fate])

    with chaos.leaving_nothing():
        chaos.check_all(at_all_points(fate, stream, 502))


@PLAIN_AND_STREAM
def test_a_reply_that_stalls(chaos: Chaos, scripts: Scripts, stream: bool) -> None:
    script_all(scripts, "stall", stream, ["stall"])

    def with_short_patience() -> Iterator[tuple[Exchange, Expected]]:
        for exchange, expected in at_all_points("stall", stream, 504):
            limited = {"error": "first" if stream else "total", "failed": "idle"}
            name = limited.get(expected.seen, "main")
            yield exchange._replace(provider=name), expected

    with chaos.leaving_nothing():
        chaos.check_all(with_short_patience())


@pytest.mark.skipif(
    IS_URLLIB3, reason="http.client reads a chunk's head whole, however long it takes"
)
@PLAIN_AND_STREAM
@pytest.mark.parametrize("is_packed", [False, True])
def test_framing_that_does_not_end(
    chaos: Chaos, scripts: Scripts, is_packed: bool, stream: bool
) -> None:
    """Bytes come all the time, and nothing of the reply's body with them."""
    kind = {"content_type": "text/event-stream" if stream else "application/json"}
    if is_packed:  # a file's name in gzip's head ends with a zero byte
        start = head(**kind, content_encoding="gzip") + b"\x1f\x8b\x08\x08\0\0\0\0\0\0"
    else:
        start = head(**kind, transfer_encoding="chunked") + b"5;extension="
    scripts.by_model["framing"] = lambda *_: [start, Forever(b"x")]
    given = [Exchange(ours, theirs, stream, "total", "framing") for ours in APIS for theirs in APIS]

    with chaos.leaving_nothing():
        chaos.check_all((it, Expected(504, "error")) for it in given)


@PLAIN_AND_STREAM
@pytest.mark.parametrize("fate", ["reset", "close"])
def test_a_connection_that_ends_while_it_rests(
    chaos: Chaos, scripts: Scripts, fate: Fate, stream: bool
) -> None:
    """Nobody notices: requests that follow are answered, and what was closed goes as requests come."""
    given = [Exchange(ours, theirs, stream, "main", "ends") for ours in APIS for theirs in APIS]
    all_asked = threading.Barrier(len(given))

    def ends(_: Asked, api: Api) -> Iterable[Step]:
        all_asked.wait(PATIENCE)
        return [wire_of(api, stream=stream).whole, fate]

    scripts.by_model["ends"] = ends
    main = chaos.upstreams[0]
    well = [it._replace(model=WELL) for it in given]

    with chaos.leaving_nothing(asking=well[0]):
        ended = main.ended
        told = chaos.ask_all_once(given)
        assert {seen(*it) for it in zip(given, told, strict=True)} == {"finished"}
        until(lambda: main.ended >= ended + len(given))
        chaos.check_all((it, Expected(200, "finished")) for it in well)
