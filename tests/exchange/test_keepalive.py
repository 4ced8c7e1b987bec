"""The interval of keepalives: what the environment may say, and who tells that it may not."""

from __future__ import annotations

import os

import pytest

from wsgi_gateway import create_app
from wsgi_gateway.exchange.keepalive import COMMENT, PING, keepalive_interval, keepalive_of
from wsgi_gateway.serving import serve as serving

INVALID = pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "15s"])


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [({}, 15), ({"WSGI_GATEWAY_KEEPALIVE": ""}, 15), ({"WSGI_GATEWAY_KEEPALIVE": "0.2"}, 0.2)],
)
def test_intervals(environ: dict[str, str], seconds: float) -> None:
    assert keepalive_interval(environ) == seconds


def test_the_config_holds_where_the_environment_says_nothing() -> None:
    assert keepalive_interval({}, 40.0) == 40
    assert keepalive_interval({}, None) is None
    assert keepalive_interval({"WSGI_GATEWAY_KEEPALIVE": "5"}, 40.0) == 5


def test_zero_is_off() -> None:
    assert keepalive_interval({"WSGI_GATEWAY_KEEPALIVE": "0"}) is None


def test_messages_has_a_sign_of_its_own() -> None:
    assert keepalive_of("messages", 15).sign == PING
    assert keepalive_of("responses", 15).sign == COMMENT


@INVALID
def test_what_is_no_number_of_seconds_is_told_by_name(value: str) -> None:
    with pytest.raises(ValueError, match=f"WSGI_GATEWAY_KEEPALIVE is not .*: {value}"):
        keepalive_interval({"WSGI_GATEWAY_KEEPALIVE": value})


def test_it_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", {"WSGI_GATEWAY_KEEPALIVE": "soon", "OPENAI_API_KEY": "k"})
    with pytest.raises(SystemExit) as exit_:
        serving.serve(None, None, None, None)
    assert exit_.value.code == 2
    assert "WSGI_GATEWAY_KEEPALIVE" in capsys.readouterr().err

    entry = {"model": "openai/m", "access_key": "k"}
    with pytest.raises(ValueError, match="WSGI_GATEWAY_KEEPALIVE"):
        create_app({"version": "v0.4.0", "model_providers": [entry]})
