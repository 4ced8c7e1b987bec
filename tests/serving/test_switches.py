"""`wsgi_gateway.serving.switches`: what the environment may say."""

from __future__ import annotations

import pytest

from wsgi_gateway.serving.switches import shutdown_delay, watches_config, worker_count


@pytest.mark.parametrize(("word", "seconds"), [("", 0), ("0", 0), ("7", 7), ("1.5", 1.5)])
def test_shutdown_delay(word: str, seconds: float) -> None:
    assert shutdown_delay({"WSGI_GATEWAY_SHUTDOWN_DELAY": word}) == seconds
    assert shutdown_delay({}) == 0


@pytest.mark.parametrize("word", ["soon", "-1", "nan", "inf"])
def test_no_shutdown_delay(word: str) -> None:
    with pytest.raises(ValueError, match=f"not a number of seconds: {word}"):
        shutdown_delay({"WSGI_GATEWAY_SHUTDOWN_DELAY": word})


def test_worker_count() -> None:
    assert [worker_count({"WSGI_GATEWAY_WORKERS": word}) for word in ("", "1", "16")] == [1, 1, 16]
    assert worker_count({}) == 1


@pytest.mark.parametrize("word", ["0", "-1", "1.5", "four", "\u0663"])
def test_no_worker_count(word: str) -> None:
    with pytest.raises(ValueError, match=f"not a number of workers: {word}"):
        worker_count({"WSGI_GATEWAY_WORKERS": word})


def test_watches_config() -> None:
    assert [watches_config({"WSGI_GATEWAY_WATCH": word}) for word in ("", "off", "on")] == [
        False,
        False,
        True,
    ]
    with pytest.raises(ValueError, match="neither on nor off: yes"):
        watches_config({"WSGI_GATEWAY_WATCH": "yes"})
