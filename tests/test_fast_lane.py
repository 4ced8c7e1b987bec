"""The lane on a pair of sockets: one end is the client, and a handler stands where the exchange would."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from wsgi_gateway.exchange import Answer, Request
from wsgi_gateway.fast_lane import FastLane

POST = b"POST /path?a=1&a=2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end and the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


def answered(
    pair: tuple[socket.socket, socket.socket], answer: Answer, *, is_last: bool = False
) -> tuple[bool, str, list[Request]]:
    """Whether another request may follow, what the client got, and what the handler was asked."""
    client, server = pair
    asked: list[Request] = []

    def handle(request: Request) -> Answer:
        asked.append(request)
        request.client.close()
        return answer

    lane = FastLane(server, {"/path": handle})
    client.sendall(POST)
    assert lane.read()
    head = lane.next_head()
    assert head is not None
    goes_on = lane.serve(head, is_last=is_last)
    return goes_on, client.recv(65_536).decode(), asked


def test_a_request_reaches_its_handler_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    goes_on, told, asked = answered(pair, Answer(200, {"x-a": "b"}, b"fine"))
    assert goes_on
    (request,) = asked
    assert (request.body, request.query) == (b"abc", {"a": "1"})
    assert request.headers == {"host": "x", "content-length": "3"}
    head, _, body = told.partition("\r\n\r\n")
    assert body == "fine"
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert {"x-a: b", "content-length: 4", "connection: keep-alive"} < set(head.splitlines())


def test_a_stream_is_told_piece_by_piece_and_closed(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    closed = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            yield from (b"one", b"", b"twelve letter")

        def close(self) -> None:
            closed.append(True)

    goes_on, told, _ = answered(pair, Answer(200, {}, Pieces()))
    assert goes_on
    assert told.endswith("\r\n\r\n3\r\none\r\nd\r\ntwelve letter\r\n0\r\n\r\n")
    assert closed == [True]


def test_the_last_piece_brings_the_end_along(pair: tuple[socket.socket, socket.socket]) -> None:
    """What is still to be done then, such as reading the upstream's last bytes, keeps no client waiting."""
    client, _ = pair
    seen: list[bytes] = []

    class Pieces:
        over = False

        def is_over(self) -> bool:
            return self.over

        def __iter__(self) -> Iterator[bytes]:
            yield b"one"
            self.over = True
            yield b"two"
            seen.append(client.recv(4096, socket.MSG_PEEK))

    _, told, _ = answered(pair, Answer(200, {}, Pieces()))
    assert seen[0].endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert told.encode() == seen[0]


def test_a_stream_that_fails_never_looks_finished(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise LookupError

    goes_on, told, _ = answered(pair, Answer(200, {}, pieces()))
    assert not goes_on
    assert told.endswith("3\r\none\r\n")


def test_the_last_answer_says_so(pair: tuple[socket.socket, socket.socket]) -> None:
    goes_on, told, _ = answered(pair, Answer(200, {}, b""), is_last=True)
    assert not goes_on
    assert "connection: close" in told.splitlines()


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb"])
def test_no_header_ends_its_line(pair: tuple[socket.socket, socket.socket], value: str) -> None:
    with pytest.raises(ValueError, match="more than one line"):
        answered(pair, Answer(200, {"x": value}, b""))


@pytest.mark.parametrize(
    "data",
    [
        b"GET /path HTTP/1.1\r\n\r\n",
        POST.replace(b"/path", b"/other"),
        POST.replace(b": 3", b": 99999999"),
        b"x" * 9000,
        POST.replace(b"Host", b"H" * 8190),
        POST.replace(b"Host: x", b"\r\n".join(b"x-%d: 1" % n for n in range(101))),
    ],
)
def test_what_is_not_for_the_lane_is_left_whole(
    pair: tuple[socket.socket, socket.socket], data: bytes
) -> None:
    client, server = pair
    lane = FastLane(server, {"/path": lambda _: pytest.fail("it was taken")})
    client.sendall(data)
    assert lane.read()
    assert lane.next_head() is None
    assert lane.take() == data


def test_a_client_that_leaves_within_its_request_gets_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    lane = FastLane(server, {"/path": lambda _: pytest.fail("half a request was served")})
    client.sendall(POST[:-1])
    client.shutdown(socket.SHUT_WR)
    assert lane.read()
    head = lane.next_head()
    assert head is not None
    assert not lane.serve(head, is_last=False)
