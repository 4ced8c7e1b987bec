"""Round after round of all that can break, the worker holds no more than after the first; nor for clients that leave.

Here: objects, small blocks, descriptors and pages. Greenlets and sockets are counted after the other tests, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from support.broken_replies import POINTS
from support.chaos import AT_ONCE, Chaos, Exchange, Scripts
from support.pairs import APIS, PLAIN_AND_STREAM
from support.raw_upstream import Asked, Fate, Step
from support.streams import Api

ROUNDS = 3
PAGES = 8_000_000
"""Bytes that the allocators may take more, for rounds that happen to overlap otherwise."""


def breaking(stream: bool, point: str, fate: Fate) -> Callable[[Asked, Api], Iterable[Step]]:
    return lambda _, api: [POINTS[api, stream][point][0], fate]


def all_points(scripts: Scripts, stream: bool, *fates: Fate) -> Iterator[Exchange]:
    for point in POINTS[APIS[0], stream]:
        for fate in fates:
            name = f"once more {fate} {point}"
            scripts.by_model[name] = breaking(stream, point, fate)
            yield from all_pairs(stream, "main", name)


def all_pairs(stream: bool, provider: str, model: str) -> Iterator[Exchange]:
    for theirs in APIS:
        for ours in APIS:
            yield Exchange(ours, theirs, stream, provider, model)


def test_rounds_leave_no_memory(chaos: Chaos, scripts: Scripts) -> None:
    gateway = chaos.gateway
    exchanges = [
        *all_points(scripts, False, "reset", "close"),
        *all_points(scripts, True, "reset", "close"),
        *all_pairs(True, "refused", "any"),
        *all_pairs(True, "self-signed", "any"),
    ]

    def growth() -> tuple[int, int]:
        before = gateway.counts()
        with chaos.leaving_nothing():
            chaos.ask_all_once(exchanges)
        after = gateway.counts()
        return after.objects - before.objects, after.blocks - before.blocks

    with chaos.leaving_nothing():
        chaos.ask_all_once(exchanges)  # what is kept for ever is there then
    pages, descriptors = gateway.memory(), gateway.descriptors()
    grown = [growth() for _ in range(ROUNDS)]
    # What each exchange left would be left in each round; what is seldom counted, or cached, is in one of them.
    assert min(objects for objects, _ in grown) < len(exchanges) / 3, grown
    assert min(blocks for _, blocks in grown) < len(exchanges) / 3, grown
    assert gateway.memory() - pages < PAGES
    assert gateway.descriptors() - descriptors <= AT_ONCE


@PLAIN_AND_STREAM
def test_clients_that_leave_while_their_upstream_is_silent(
    chaos: Chaos, scripts: Scripts, stream: bool
) -> None:
    with chaos.leaving_nothing():
        for exchange in all_points(scripts, stream, "stall"):
            chaos.leave(exchange)
