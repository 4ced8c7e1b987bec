"""The switches between the fast ways and the plain ones: what the environment may say, and who checks it."""

from __future__ import annotations

import os

import pytest

from wsgi_gateway import create_app
from wsgi_gateway.app import create_served
from wsgi_gateway.serving import serve as serving
from wsgi_gateway.serving.ways import has_fast_lane, transport

CONFIG = {"version": "v0.4.0", "model_providers": [{"model": "openai/m", "access_key": "k"}]}


def test_the_fast_ways_are_the_default() -> None:
    assert transport({}) == "fast"
    assert has_fast_lane({"WSGI_GATEWAY_FAST_LANE": ""})


def test_the_plain_ways() -> None:
    assert transport({"WSGI_GATEWAY_TRANSPORT": "urllib3"}) == "urllib3"
    assert not has_fast_lane({"WSGI_GATEWAY_FAST_LANE": "off"})


def test_what_is_served_has_the_three_routes_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {"/v1/chat/completions", "/v1/messages", "/v1/responses"}
    assert set(create_served(CONFIG).routes) == paths
    monkeypatch.setenv("WSGI_GATEWAY_FAST_LANE", "off")
    assert not create_served(CONFIG).routes


@pytest.mark.parametrize("name", ["WSGI_GATEWAY_TRANSPORT", "WSGI_GATEWAY_FAST_LANE"])
def test_another_word_is_told_at_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(os, "environ", {name: "quick", "OPENAI_API_KEY": "k"})
    with pytest.raises(SystemExit) as exit_:
        serving.serve(None, None, None, None)
    assert exit_.value.code == 2
    assert name in capsys.readouterr().err


def test_an_application_tells_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSGI_GATEWAY_TRANSPORT", "quick")
    with pytest.raises(ValueError, match="WSGI_GATEWAY_TRANSPORT"):
        create_app(CONFIG)
