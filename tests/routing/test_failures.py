"""The classes of failures, by what upstreams say."""

from __future__ import annotations

import json

import pytest

from wsgi_gateway.protocols.error_bodies import read_error
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.routing import failure_of


def told(status: int, message: str = "No", **fields: str) -> str:
    body = json.dumps({"error": {"message": message, **fields}}).encode()
    return failure_of(read_error(status, body), was_sent=True)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, "request"),
        (401, "request"),
        (404, "request"),
        (408, "timeout"),
        (409, "conflict"),
        (413, "request"),
        (422, "request"),
        (429, "rate_limit"),
        (500, "server_error"),
        (502, "server_error"),
        (503, "server_error"),
        (504, "timeout"),
        (520, "server_error"),
        (529, "server_error"),
    ],
)
def test_statuses(status: int, failure: str) -> None:
    assert told(status) == failure


def test_what_bodies_say_comes_first() -> None:
    assert told(429, code="insufficient_quota") == "quota"
    assert told(500, type="overloaded_error") == "server_error"
    assert told(404, "The model `x` does not exist", code="model_not_found") == "model_not_found"
    assert told(400, "prompt is too long: 9 tokens > 8 maximum") == "context_window"
    assert told(400, code="previous_response_not_found") == "unknown_state"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("The response was filtered", "content_filter"),
        ("Rejected", "content_policy_violation"),
        ("Output blocked by content filtering policy", ""),
        ("triggering Azure OpenAI's content management policy", ""),
    ],
)
def test_content_policies(message: str, code: str) -> None:
    assert told(400, message, code=code) == "content_policy"


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("unreachable", "unreachable"),
        ("upstream_invalid", "server_error"),
        ("upstream_auth", "auth"),
    ],
)
def test_what_the_gateway_itself_finds(kind: str, failure: str) -> None:
    assert failure_of(ApiError(kind, "x"), was_sent=True) == failure  # type: ignore[arg-type]


def test_before_anything_was_sent_it_is_the_translation() -> None:
    refused = ApiError("invalid_request", "n: no", param="n", code="unsupported_parameter")
    assert failure_of(refused, was_sent=False) == "untranslatable"
    assert failure_of(refused, was_sent=True) == "request"
    assert failure_of(ApiError("server", "x"), was_sent=False) == "request"
