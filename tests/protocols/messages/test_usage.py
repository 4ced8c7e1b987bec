"""Counters between Messages' convention and the internal one."""

import pytest

from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import reply_wire as wire
from wsgi_gateway.protocols.messages.usage import merge, note_lost, read_usage, write_usage


@pytest.mark.parametrize(
    "usage",
    [
        Usage(),
        Usage(input=30, output=20, cache_read=10, cache_write=5),
        Usage(input=30, output=20, reasoning=8),
        Usage(input=30, output=20, service_tier="default", web_searches=2),
        Usage(input=30, output=20, service_tier="priority"),
    ],
)
def test_there_and_back(usage: Usage) -> None:
    body = write_usage(usage)
    details = body.pop("output_tokens_details", None)
    given = wire.Usage(
        **body, output_tokens_details=wire.OutputDetails(**details) if details else None
    )
    assert read_usage(given) == usage


def test_input_is_never_negative() -> None:
    assert write_usage(Usage(input=3, cache_read=5))["input_tokens"] == 0


def test_nothing_known_is_zero() -> None:
    assert write_usage(None) == write_usage(Usage())


def test_what_is_told_again_replaces_what_was_known() -> None:
    first = wire.Usage(input_tokens=5, output_tokens=1)
    assert merge(first, wire.Usage(output_tokens=9)) == wire.Usage(input_tokens=5, output_tokens=9)
    assert merge(first, None) is first
    assert merge(None, first) is first


@pytest.mark.parametrize(
    ("tier", "told"),
    [("flex", "standard"), ("scale", "priority"), ("ultrafast", None), (None, None)],
)
def test_tiers_that_messages_does_not_have(tier: str | None, told: str | None) -> None:
    assert write_usage(Usage(service_tier=tier)).get("service_tier") == told


@pytest.mark.parametrize("odd", [5, ["standard"], {}, "batchy"])
def test_odd_tiers_and_counts_are_nothing(odd: object) -> None:
    usage = read_usage(wire.Usage(service_tier=odd, server_tool_use=odd))
    assert (usage.service_tier, usage.web_searches) == (None, None)
    assert read_usage(wire.Usage(service_tier="batch")).service_tier == "default"


@pytest.mark.parametrize(
    ("usage", "lost"),
    [
        ({"service_tier": "batch"}, ["reply.service_tier"]),
        ({"speed": "fast"}, ["reply.usage"]),
        ({"inference_geo": "us"}, ["reply.usage"]),
        ({"speed": ["odd"], "inference_geo": 5}, ["reply.usage"]),
        ({"server_tool_use": {"web_fetch_requests": 2}}, ["reply.usage"]),
        ({"server_tool_use": {"web_fetch_requests": 0, "web_search_requests": 2}}, []),
        ({"service_tier": "standard", "speed": "standard", "inference_geo": "global"}, []),
        ({"inference_geo": "not_available"}, []),
        ({}, []),
    ],
)
def test_what_no_other_api_has_a_place_for_is_noted(
    usage: dict[str, object], lost: list[str]
) -> None:
    loss = Loss("chat_completions")
    note_lost(wire.Usage(**usage), loss)  # type: ignore[arg-type]
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [
        (path, "dropped") for path in lost
    ]
