"""Which request heads the fast lane reads, and how."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.serving.request_head import read_head

PLAIN = (
    b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 2\r\n"
)


def test_a_plain_post_is_read() -> None:
    head = read_head(PLAIN + b"\r\n")
    assert head is not None
    assert (head.path, head.query) == ("/v1/messages", "beta=true")
    assert head.headers == {"host": "x", "x-a": "1,2", "content-length": "2"}
    assert (head.content_length, head.keep_alive) == (2, True)


def test_a_connection_that_is_to_be_closed() -> None:
    head = read_head(PLAIN + b"Connection: Close\r\n\r\n")
    assert head is not None
    assert not head.keep_alive


@pytest.mark.parametrize(
    "head",
    [
        PLAIN.replace(b"POST", b"GET") + b"\r\n",
        PLAIN.replace(b"1.1", b"1.0") + b"\r\n",
        PLAIN.replace(b"length: 2", b"length: +2") + b"\r\n",
        PLAIN.replace(b"length: 2", b"length: 2, 2") + b"\r\n",
        PLAIN.replace(b"content-length: 2\r\n", b"") + b"\r\n",
        PLAIN + b"content-length: 3\r\n\r\n",
        PLAIN + b"HOST: x\r\n\r\n",
        PLAIN + b"content-type: a\r\ncontent-type: a\r\n\r\n",
        PLAIN + b"transfer-encoding: chunked\r\n\r\n",
        PLAIN + b"expect: 100-continue\r\n\r\n",
        PLAIN + b"upgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        PLAIN + b"no header\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
)
def test_all_else_is_left_to_the_server(head: bytes) -> None:
    assert read_head(head) is None


@given(st.binary(max_size=100))
def test_no_bytes_are_too_odd(noise: bytes) -> None:
    head = read_head(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n" + noise + b"\r\n\r\n")
    assert head is None or head.content_length >= 0
