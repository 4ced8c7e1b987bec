"""Errors inside a stream, read in either shape and written in both."""

from typing import Any

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.responses.errors import error_event, failure_of_response, read_failure
from wsgi_gateway.protocols.responses.wire import StreamEvent


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"code": "rate_limit_exceeded", "message": "slow"}, "rate_limit", "slow"),
        ({"code": "insufficient_quota", "message": "pay"}, "quota", "pay"),
        ({"code": "server_error", "message": "oops"}, "server", "oops"),
        ({"code": "image_too_large", "message": "big"}, "invalid_request", "big"),
        ({"type": "overloaded_error", "message": "busy"}, "overloaded", "busy"),
        ({"message": "?"}, "server", "?"),
        (StreamEvent(type="error", code="slow_down", message="slow"), "rate_limit", "slow"),
        ("plain words", "server", "plain words"),
        (None, "server", "the upstream failed and did not say why"),
        ({"message": {"deep": 1}, "code": ["odd"]}, "server", None),
    ],
)
def test_reading(given: Any, kind: str, message: str | None) -> None:
    error = read_failure(given)
    assert error.kind == kind
    assert error.message
    assert message is None or error.message == message


def test_writing() -> None:
    error = ApiError("rate_limit", "slow", param="input")
    fields = failure_of_response(error)
    assert fields == {
        "message": "slow",
        "type": "rate_limit_exceeded",
        "param": "input",
        "code": "rate_limit_exceeded",
    }
    assert error_event(error, 7) == {
        "type": "error",
        "sequence_number": 7,
        "code": "rate_limit_exceeded",
        "message": "slow",
        "param": "input",
        "error": fields,
    }


@pytest.mark.parametrize(
    ("kind", "code"), [("invalid_request", "invalid_prompt"), ("not_found", "server_error")]
)
def test_a_code_is_never_missing(kind: Any, code: str) -> None:
    assert failure_of_response(ApiError(kind, "x"))["code"] == code
