"""`wsgi_gateway.serving.master`: what is said of a new config. Signals are for tests/integration."""

from __future__ import annotations

from typing import Any

import pytest

from wsgi_gateway.config import Config, load_config
from wsgi_gateway.serving.master import _not_applied

PROVIDERS = {"model_providers": [{"model": "openai/x", "access_key": "k"}]}


def config(**more: Any) -> Config:
    return load_config({**PROVIDERS, **more}, {})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"state_storage": {"type": "memory", "passthrough": False}}, []),
        ({"state_storage": {"type": "memory", "ttl": "1h"}}, ["another state_storage"]),
        ({"listeners": [{"type": "model", "name": "l", "port": 1}]}, ["needs a restart"]),
    ],
)
def test_what_a_new_config_cannot_change(more: dict[str, Any], said: list[str]) -> None:
    told = _not_applied(config(), config(**more))
    assert len(told) == len(said)
    assert all(words in line for words, line in zip(said, told, strict=True))
