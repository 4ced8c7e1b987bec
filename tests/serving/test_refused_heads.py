"""What is said of heads that are none."""

from __future__ import annotations

import json

import pytest
from gunicorn.http import errors

from wsgi_gateway.serving.refused_heads import answer_to_head, flaw, too_long


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidHeader("x-secret: 1"), 400),
        (errors.InvalidHeaderName("x-secret"), 400),
        (errors.InvalidRequestLine("x-secret"), 400),
        (errors.LimitRequestLine(1, 1), 414),
        (errors.ExpectationFailed("x-secret"), 417),
        (errors.LimitRequestHeaders("x-secret"), 431),
        (errors.UnsupportedTransferCoding("x-secret"), 501),
    ],
)
def test_each_flaw_has_its_status_and_quotes_nothing(error: Exception, status: int) -> None:
    for head in (b"POST /v1/messages HTTP/1.1\r\n", b"POST /v1/responses HTTP/1.1\r\n"):
        answer = answer_to_head(head, flaw(error))
        assert answer.status == status
        assert isinstance(answer.body, bytes)
        assert b"x-secret" not in answer.body


@pytest.mark.parametrize(
    ("head", "is_messages"),
    [
        (b"POST /v1/messages/count_tokens HTTP/1.1\r\n", True),
        (b"GET /v1/models HTTP/1.1\r\nAnthropic-Version: 2023-06-01\r\n", True),
        (b"POST /v1/chat/completions HTTP/1.1\r\nx: /v1/messages\r\n", False),
        (b"\x16\x03\x01", False),
    ],
)
def test_the_dialect_is_told_by_the_head(head: bytes, is_messages: bool) -> None:
    body = answer_to_head(head, too_long(head)).body
    assert isinstance(body, bytes)
    assert ("type" in json.loads(body)) == is_messages
