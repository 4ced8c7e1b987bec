"""Errors in every form that upstreams and what stands before them answer in."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.error_bodies import ErrorBody, is_bare_error, parse_error, read_error
from wsgi_gateway.protocols.errors import TABLE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}},
            ErrorBody(type="rate_limit_error", message="slow"),
        ),
        (
            {
                "type": "error",
                "error": {"type": "t", "message": "m", "details": {"error_code": "c"}},
            },
            ErrorBody(type="t", code="c", message="m"),
        ),
        (
            {"error": {"message": "m", "type": "t", "param": "p", "code": "c"}},
            ErrorBody(type="t", code="c", message="m", param="p"),
        ),
        (
            {"error": {"message": "m", "type": None, "param": None, "code": 429}},
            ErrorBody(code="429", message="m"),
        ),
        (
            [{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}],
            ErrorBody(type="INVALID_ARGUMENT", code="400", message="m"),
        ),
        ({"error": "m"}, ErrorBody(message="m")),
        ({"detail": "Not Found"}, ErrorBody(message="Not Found")),
        (
            {"detail": [{"loc": ["body", "n", 0], "msg": "too many", "type": "value_error"}]},
            ErrorBody(message="body.n.0: too many"),
        ),
        ({"object": "error", "message": "m", "code": 3230}, ErrorBody(code="3230", message="m")),
        ({"message": {"detail": "m"}}, ErrorBody(message="m")),
        ({"errors": ["a", {"message": "b"}]}, ErrorBody(message="a; b")),
        ("just words", ErrorBody(message="just words")),
        ({"x": 1}, ErrorBody(message='{"x": 1}')),
        ({}, ErrorBody()),
        (None, ErrorBody()),
    ],
)
def test_json(body: Any, expected: ErrorBody) -> None:
    assert parse_error(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b" upstream connect error \n", "upstream connect error"),
        (
            b"<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>",
            "502 Bad Gateway",
        ),
        (b"<body><style>p{}</style><p>Sorry &amp;\n <b>bye</b></p></body>", "Sorry & bye"),
        (b"<p>Sorry</p><script>let x", "Sorry let x"),
        (b"<p>Sorry</p><script>let <b>x</b>", "Sorry"),
        (b"a value > 3 and < 5", "a value > 3 and < 5"),
        (b"it must be < 5", "it must be < 5"),
        (b'{"error": {"mess', '{"error": {"mess'),
        (b"caf\xe9", "caf�"),
    ],
)
def test_anything_else(body: bytes, message: str) -> None:
    assert parse_error(body) == ErrorBody(message=message)


def test_long_messages_are_cut() -> None:
    assert len(parse_error(b"x" * 10_000_000).message) == 2000
    assert len(parse_error(b'{"error": "%b"}' % (b"x" * 5000)).message) == 2000


def error(message: str = "m", **fields: Any) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (529, b"", "overloaded"),
        (529, error(type="overloaded_error"), "overloaded"),
        (500, error(type="overloaded_error"), "overloaded"),
        (400, error(type="invalid_request_error"), "invalid_request"),
        (500, error(type="invalid_request_error"), "invalid_request"),
        (413, error(type="invalid_request_error"), "too_large"),
        (400, error("prompt is too long: 9 tokens > 8 maximum"), "context_length"),
        (400, error("This model's maximum context length is 8 tokens."), "context_length"),
        (400, error(code="context_length_exceeded"), "context_length"),
        (400, error("the request exceeds the available context size"), "context_length"),
        (400, error(type="exceed_context_size_error"), "context_length"),
        (
            400,
            error("The input token count (9) exceeds the maximum number of tokens allowed (8)."),
            "context_length",
        ),
        (400, error("Your credit balance is too low to access the API."), "quota"),
        (402, error(type="billing_error"), "quota"),
        (429, error(type="insufficient_quota", code="insufficient_quota"), "quota"),
        (429, error(code="daily_spend_limit_exceeded"), "quota"),
        (429, error(type="requests", code="rate_limit_exceeded"), "rate_limit"),
        (401, error(type="invalid_request_error", code="invalid_api_key"), "authentication"),
        (403, b"<html>", "permission"),
        (404, error("model: claude-9", type="not_found_error"), "model_not_found"),
        (404, error("The model `x` does not exist"), "model_not_found"),
        (404, b'{"detail": "Not Found"}', "not_found"),
        (422, b"", "invalid_request"),
        (500, error(type="api_error"), "server"),
        (502, b"", "server"),
        (503, error(type="server_error"), "overloaded"),
        (504, error(type="timeout_error"), "timeout"),
    ],
)
def test_kinds(status: int, body: bytes, kind: str) -> None:
    found = read_error(status, body)
    assert (found.kind, found.status) == (kind, status)
    assert found.message


def test_an_in_stream_error_may_tell_its_status_as_code() -> None:
    found = read_error(500, error(code=429))
    assert (found.kind, found.status, found.code) == ("rate_limit", 429, None)
    assert read_error(500, error(code=20012)).status == 500


def test_a_silent_error_is_given_words() -> None:
    assert (
        read_error(503, b"").message == "the upstream answered with status 503 and no explanation"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "code", "type", "loc"]), inner
        )
    ),
)


@given(
    st.sampled_from([200, 400, 404, 500, 529]),
    st.binary() | JSON.map(lambda v: json.dumps(v).encode()),
)
def test_any_bytes_make_an_error(status: int, body: bytes) -> None:
    found = read_error(status, body)
    assert found.kind in TABLE
    assert 0 < len(found.message) <= 2000


def test_extremes() -> None:
    """Each in time that grows with its length: the worker serves nobody else meanwhile."""
    for body in (
        b'{"error":' * 50_000,
        b'{"code": 1%b}' % (b"0" * 9999),
        b"<script" * 9000,
        b"<script>" * 8000,
        b"<title>" * 9000,
        b"<title" * 10_000,
        b"<" * 65_000,
    ):
        assert read_error(500, body).kind == "server"


@pytest.mark.parametrize("start", [b"[", b'{"error": {"message": "m"}, "x": ['])
def test_a_huge_body_takes_no_more_memory_than_it_has(start: bytes) -> None:
    """As objects, empty lists take 30 times the bytes that they have in JSON."""
    body = start + b"[]," * 2_000_000
    tracemalloc.start()
    try:
        error = read_error(400, body)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < len(body)
    assert error.message.startswith(start.decode())
    assert len(error.message) == 2000


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        ({"object": "error", "message": "Boom"}, True),
        ({"error_code": 50001, "text": "Boom"}, True),
        ({"message": "Boom", "code": 500}, True),
        ({"message": "Boom", "code": "InternalError", "request_id": "x"}, True),
        ({"message": "Boom", "type": "BadRequestError", "code": None}, True),
        ({"message": "Boom", "status": 503}, True),
        ({"message": "Boom"}, False),
        ({"message": "ok", "code": 200}, False),
        ({"message": "ok", "code": 0}, False),
        ({"message": "", "code": ""}, False),
        ({"message": "queued", "type": "status", "status": "queued"}, False),
        ({"message": "Boom", "code": 500, "choices": [{}]}, False),
        ({"message": "Boom", "code": 500, "content": [{}]}, False),
        ({"message": "Boom", "code": 500, "output": [{}]}, False),
        ({"message": "Boom", "code": 500, "usage": {"total_tokens": 7}}, False),
        ({"message": {"content": "Hi"}, "code": 7}, False),
        ({}, False),
    ],
)
def test_an_error_in_a_reply_s_place_is_known_by_its_own_words(
    body: dict[str, object], is_error: bool
) -> None:
    assert is_bare_error(body) is is_error
