"""Any chunking of an upstream's stream gives the same events to the client, whole streams and broken ones alike."""

from __future__ import annotations

from hypothesis import given
from support.dice import Dice, dice
from support.generated_streams import draw_stream
from support.pairs import UPSTREAMS
from support.properties import thorough
from support.relayed import client_events, clients_of, relayed, settled
from support.streams import Api


def broken(data: bytes, dice: Dice) -> bytes:
    """Mostly as it is; else cut, or with one byte changed."""
    match dice.below(6):
        case 1:
            return data[: dice.place(data)]
        case 2:
            at = dice.place(data)
            return data[:at] + bytes([dice.below(256)]) + data[at + 1 :]
    return data


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_any_chunking_gives_the_same_client_events(upstream_api: Api, dice: Dice) -> None:
    stream = draw_stream(dice, upstream_api, bent=True)
    data = broken(stream.data, dice)
    chunks = dice.chunks(data)

    for client_api in clients_of(stream.plan):
        if client_api != upstream_api:
            whole = relayed(client_api, upstream_api, [data])
            pieces = relayed(client_api, upstream_api, chunks)

            assert (whole.error is None) == (pieces.error is None)
            assert settled(pieces.stream) == settled(whole.stream)


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_any_chunking_passes_the_same_events_on(upstream_api: Api, dice: Dice) -> None:
    data = draw_stream(dice, upstream_api, bent=True).data
    if dice.chance(2):
        data = data[: dice.place(data)]
    chunks = dice.chunks(data)

    whole = relayed(upstream_api, upstream_api, [data])
    pieces = relayed(upstream_api, upstream_api, chunks)

    assert (whole.error is None) == (pieces.error is None)
    assert client_events(pieces.stream) == client_events(whole.stream)


@given(dice=dice(300))
@thorough
def test_any_chunking_finds_the_same_stop_sequence(dice: Dice) -> None:
    stream = draw_stream(dice, "responses", bent=False)
    stop = dice.some(("Hello a", "日本", "\n", "a", "d\x00", '" \\a'), 2)
    data = stream.data[: stream.starts[-1]]  # without usage, which is known only if it came at once
    for client_api in clients_of(stream.plan)[:-1]:
        whole = relayed(client_api, "responses", [data], stop)
        pieces = relayed(client_api, "responses", dice.chunks(data), stop)

        assert settled(pieces.stream) == settled(whole.stream)
