"""What a request meets before its body is read."""

from __future__ import annotations

import json

import pytest

from wsgi_gateway.config import load_config
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.serving.entry import Entry

KEY = "sk-client-0123456789"
NOBODY = {"x-api-key": "sk-nobody-0123456789"}


def entry_of(most: int) -> Entry:
    config = load_config(
        {
            "model_providers": [{"model": "openai/m", "access_key": "k"}],
            "access": {"keys": [{"id": "a", "key": KEY}]},
            "overload": {"max_in_flight": most, "max_queued": 0},
        },
        {},
    )
    return Entry("messages", Gateway(config))


def test_nobody_reads_for_who_has_no_key() -> None:
    entry = entry_of(1)
    with pytest.raises(ApiError, match="not known"):
        entry.enter(NOBODY, is_whole=False)
    entry.enter({"x-api-key": KEY}, is_whole=False)


def test_who_has_no_key_does_not_wait_either() -> None:
    entry = entry_of(1)
    entry.enter(NOBODY, is_whole=True)  # The answer will tell.
    with pytest.raises(ApiError, match="not known"):
        entry.enter(NOBODY, is_whole=True)
    with pytest.raises(ApiError, match="as many requests as it can take"):
        entry.enter({"x-api-key": KEY}, is_whole=True)
    entry.leave()
    entry.enter({"x-api-key": KEY}, is_whole=True)


def test_a_refusal_is_in_the_apis_own_form_and_has_an_id() -> None:
    entry = entry_of(1)
    answer = entry.refuse(ApiError("overloaded", "full", headers={"retry-after": "1"}), {}, "")
    assert answer.status == 529
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["error"]["type"] == "overloaded_error"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["request-id"] == answer.headers["x-gateway-request-id"]
