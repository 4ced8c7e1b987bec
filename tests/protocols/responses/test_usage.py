"""Usage, both ways."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.usage import read_usage, write_usage

COUNT = st.integers(0, 10**9)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_there_and_back(given: int, made: int, read: int, written: int, thought: int) -> None:
    usage = Usage(input=given, output=made, cache_read=read, cache_write=written, reasoning=thought)
    assert read_usage(msgspec.convert(write_usage(usage), wire.Usage)) == usage


def test_what_is_not_said() -> None:
    assert read_usage(wire.Usage()) == Usage()
    assert write_usage(None)["total_tokens"] == 0
