"""Usage, both ways."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.responses.usage import (
    read_usage,
    usage_of,
    write_tool_usage,
    write_usage,
)

COUNT = st.integers(0, 10**9)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_there_and_back(given: int, made: int, read: int, written: int, thought: int) -> None:
    usage = Usage(input=given, output=made, cache_read=read, cache_write=written, reasoning=thought)
    assert read_usage(msgspec.convert(write_usage(usage, Loss("responses")), wire.Usage)) == usage


@pytest.mark.parametrize(
    ("counted", "among_the_items", "searches"),
    [(None, 0, None), (None, 2, 2), (3, 2, 3), (0, 1, 1)],
)
def test_searches_and_the_tier_there_and_back(
    counted: int | None, among_the_items: int, searches: int | None
) -> None:
    tools = wire.ToolUsage(web_search=wire.SearchUsage(num_requests=counted))
    response = wire.Response(usage=wire.Usage(), service_tier="flex", tool_usage=tools)
    usage = usage_of(response, among_the_items)
    assert usage == Usage(service_tier="flex", web_searches=searches)
    told = write_tool_usage(usage)
    assert told.get("tool_usage", {}).get("web_search") == (
        {"num_requests": searches} if searches else None
    )


def test_no_usage_at_all() -> None:
    assert usage_of(wire.Response(service_tier="flex"), 2) is None
    assert write_tool_usage(None) == {}


def test_what_is_not_said() -> None:
    assert read_usage(wire.Usage()) == Usage()
    loss = Loss("responses")
    assert write_usage(None, loss)["total_tokens"] == 0
    assert [entry.path for entry in loss.entries] == ["reply.usage"]
