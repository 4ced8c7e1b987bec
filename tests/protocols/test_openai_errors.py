"""Errors of upstreams that speak an OpenAI API, and for clients that do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.errors import TABLE, ApiError
from wsgi_gateway.protocols.openai_errors import error_body, read_error


def body(message: str = "why", **fields: object) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


@pytest.mark.parametrize(
    ("status", "raw", "kind"),
    [
        (400, body(type="invalid_request_error", code="invalid_value"), "invalid_request"),
        (400, body(code="context_length_exceeded"), "context_length"),
        (400, body("This model's maximum context length is 10 tokens."), "context_length"),
        (401, body(code="invalid_api_key"), "authentication"),
        (403, body(code="unsupported_country_region_territory"), "permission"),
        (404, body(code="model_not_found"), "model_not_found"),
        (404, body(), "not_found"),
        (409, body(), "conflict"),
        (413, body(), "too_large"),
        (422, body(), "invalid_request"),
        (429, body(code="rate_limit_exceeded"), "rate_limit"),
        (429, body(type="tokens"), "rate_limit"),
        (429, body(code="insufficient_quota"), "quota"),
        (429, body(code="billing_hard_limit_reached"), "quota"),
        (429, body(code="project_spend_limit_exceeded"), "quota"),
        (500, body(type="server_error"), "server"),
        (500, body(code=429), "rate_limit"),
        (500, body(code=99999999), "server"),
        (503, body(code="server_is_overloaded"), "overloaded"),
        (504, b"", "timeout"),
        (502, b"<html><title>Bad Gateway</title></html>", "server"),
    ],
)
def test_kinds(status: int, raw: bytes, kind: str) -> None:
    error = read_error(status, raw)
    assert error.kind == kind
    assert error.message


def test_what_the_upstream_said_is_kept() -> None:
    raw = body("why", type="invalid_request_error", code="invalid_value", param="tools[0]")
    error = read_error(400, raw)
    assert (error.message, error.param, error.code) == ("why", "tools[0]", "invalid_value")
    assert error_body(error) == (
        400,
        {
            "error": {
                "message": "why",
                "type": "invalid_request_error",
                "param": "tools[0]",
                "code": "invalid_value",
            }
        },
    )


@pytest.mark.parametrize(
    ("kind", "status", "written"),
    [
        ("invalid_request", None, 400),
        ("invalid_request", 422, 422),
        ("invalid_request", 200, 400),
        ("server", 507, 507),
        ("server", None, 500),
        ("upstream_auth", 401, 502),
        ("overloaded", 529, 503),
        ("quota", 402, 429),
    ],
)
def test_the_upstreams_status_stays_where_it_says_more(
    kind: str, status: int | None, written: int
) -> None:
    error = ApiError(kind, "x", status=status)  # type: ignore[arg-type]
    assert error_body(error)[0] == written


@pytest.mark.parametrize("kind", TABLE)
def test_every_kind_has_its_form(kind: str) -> None:
    status, form = error_body(ApiError(kind, ""))  # type: ignore[arg-type]
    assert status >= 400
    assert form["error"]["type"] and form["error"]["message"]


@given(st.integers(300, 599), st.binary())
def test_any_body_is_an_error(status: int, raw: bytes) -> None:
    error = read_error(status, raw)
    assert error.kind in TABLE
    assert error.message
