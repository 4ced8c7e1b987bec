"""Errors toward Messages clients, and from Messages upstreams, seen through the official SDK."""

import json

import anthropic
import pytest
from support.sdk import anthropic_told

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import TABLE, ApiError, Kind
from wsgi_gateway.protocols.messages import error_body, read_error


@pytest.mark.parametrize("kind", TABLE)
def test_what_is_written_reads_back(kind: Kind) -> None:
    status, body = error_body(ApiError(kind, "it went wrong"))
    row = TABLE[kind].anthropic
    assert (status, body) == (
        row.status,
        {"type": "error", "error": {"type": row.type, "message": "it went wrong"}},
    )
    assert error_body(read_error(status, encode(body)))[1] == body


def test_the_sdk_understands_it() -> None:
    status, body = error_body(ApiError("overloaded", "too busy"))

    client = anthropic_told(json.dumps(body).encode(), "application/json", status)
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model="m", max_tokens=1, messages=[])
    assert caught.value.status_code == 529
    assert caught.value.type == "overloaded_error"


def test_the_message_names_the_field_once() -> None:
    def message(text: str) -> str:
        _, body = error_body(ApiError("invalid_request", text, param="tools[0].name"))
        return str(body["error"]["message"])

    assert message("is required") == "tools[0].name: is required"
    assert message("tools[0].name: is required") == "tools[0].name: is required"


def test_a_client_errors_own_status_is_kept() -> None:
    assert error_body(ApiError("invalid_request", "x", status=422))[0] == 422
    assert error_body(ApiError("server", "x", status=502))[0] == 500
    assert error_body(ApiError("rate_limit", "x", status=429))[0] == 429


def test_an_error_without_words_still_has_a_message() -> None:
    assert error_body(ApiError("server", ""))[1]["error"]["message"] == "api_error"
