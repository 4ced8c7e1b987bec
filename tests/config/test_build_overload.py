"""``overload``: what the file says, what it leaves out, and what cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.config import ConfigError, Overload, load_config

PROVIDER = {"model": "openai/gpt-4o", "access_key": "k"}


def load(**overload: Any) -> Overload:
    return load_config({"model_providers": [PROVIDER], "overload": overload}, {}).overload


def test_nothing_said() -> None:
    assert load() == Overload()
    assert load_config({"model_providers": [PROVIDER]}, {}).overload == Overload()


def test_all_said() -> None:
    given = {"max_in_flight": 10, "max_queued": 2, "queue_timeout": "500ms", "body_timeout": 3}
    times = {"header_timeout": "1m", "send_timeout": 0}
    built = load(**given, **times, max_body_size="1.5 MB", max_reply_size="1GB", min_body_rate=100)
    assert built == Overload(
        max_in_flight=10,
        max_queued=2,
        queue_timeout=0.5,
        body_timeout=3,
        header_timeout=60,
        send_timeout=None,
        max_body_size=1536 * 1024,
        max_reply_size=1024**3,
        min_body_rate=100,
    )


def test_zero_is_no_bound_and_no_queue() -> None:
    built = load(max_in_flight=0)
    assert built.max_in_flight is None
    assert load(max_queued=0, queue_timeout=0).max_queued == 0
    assert load(queue_timeout=0).queue_timeout == 0


@pytest.mark.parametrize(
    ("size", "bytes_"),
    [("10", 10), (10, 10), ("10b", 10), ("2k", 2048), ("2 KiB", 2048), ("1GB", 1024**3)],
)
def test_sizes(size: str | int, bytes_: int) -> None:
    assert load(max_body_size=size).max_body_size == bytes_


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("max_body_size", "large", "not a size"),
        ("max_body_size", 0, "at least one byte"),
        ("max_reply_size", "0", "at least one byte"),
        ("min_body_rate", "0KB", "at least one byte"),
        ("send_timeout", "soon", "not a duration"),
        ("max_in_flight", -1, "from 0"),
        ("max_in_flights", 1, "max_in_flight"),
    ],
)
def test_what_cannot_be(key: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(**{key: value})


def test_a_queue_without_a_bound_is_told_of() -> None:
    given = {"max_in_flight": 0, "max_queued": 5}
    config = load_config({"model_providers": [PROVIDER], "overload": given}, {})
    assert [str(warning) for warning in config.warnings if "no request waits" in str(warning)]
