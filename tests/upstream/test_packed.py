"""Unpacking, piece by piece: nothing is lost, and no piece is large, however well a reply is packed."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.upstream.connection import BadReplyError
from wsgi_gateway.upstream.packed import _LARGEST_PIECE, Unpacker


def unpacked(chunks: list[bytes]) -> Iterator[bytes]:
    """The pieces, taken as they come."""
    unpacker = Unpacker()
    for chunk in chunks:
        yield unpacker.feed(chunk)
        while unpacker.has_more:
            yield unpacker.feed(b"")
    unpacker.finish()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("size", [0, 1, *(_LARGEST_PIECE + more for more in (-1, 0, 1, 6))])
def test_every_size_is_whole(pack: type[bytes], size: int) -> None:
    assert b"".join(unpacked([pack(b"x" * size)])) == b"x" * size


def test_no_piece_is_large() -> None:
    packed = gzip.compress(bytes(50_000_000))
    assert len(packed) < 65_536
    sizes = [len(piece) for piece in unpacked([packed])]
    assert sum(sizes) == 50_000_000
    assert max(sizes) == _LARGEST_PIECE


@given(st.lists(st.integers(0, 3 * _LARGEST_PIECE), min_size=1, max_size=4), st.data())
def test_members_cut_anywhere_are_whole(sizes: list[int], data: st.DataObject) -> None:
    members = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    packed = b"".join(map(gzip.compress, members))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(packed)), max_size=5)))
    edges = [0, *cuts, len(packed)]
    chunks = [packed[a:b] for a, b in pairwise(edges) if a < b]
    assert b"".join(unpacked(chunks)) == b"".join(members)


@pytest.mark.parametrize("size", [3, _LARGEST_PIECE, 2 * _LARGEST_PIECE])
def test_what_ends_too_soon_is_an_error(size: int) -> None:
    with pytest.raises(BadReplyError):
        list(unpacked([gzip.compress(b"x" * size)[:-1]]))


def test_what_is_not_packed_is_an_error() -> None:
    with pytest.raises(BadReplyError):
        list(unpacked([gzip.compress(b"x"), b"no gzip"]))


def test_nothing_at_all_is_whole() -> None:
    assert list(unpacked([])) == []
