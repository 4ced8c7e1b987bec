"""The lane on a pair of sockets: one end is the client, and a handler stands where the exchange would."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from wsgi_gateway.config import Config, Overload
from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.serving import fast_lane
from wsgi_gateway.serving.fast_lane import FastLane, Served

POST = b"POST /path?a=1&a=2 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The client's end and the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


@pytest.fixture(autouse=True)
def _nobody_lingers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_lane, "_LINGER", 0.01)


class Route:
    """Who answers, and how many are within."""

    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self.answer = answer
        self.within = 0

    def enter(self, headers: Mapping[str, str], *, is_whole: bool) -> None:
        if "x-refuse" in headers:
            raise ApiError("overloaded", f"refused, {is_whole=}")
        self.within += 1

    def leave(self) -> None:
        self.within -= 1

    def refuse(self, error: ApiError, _headers: object, _peer: str) -> Answer:
        return Answer(error.status or 503, {}, error.message.encode())


def served(routes: dict[str, Route], **rules: Any) -> Served:
    """What has these routes, and nothing else."""

    def remade(_config: Config) -> Served:
        raise NotImplementedError

    return Served(lambda *_: [], routes, Overload(**rules), remade)


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

    lane = FastLane(server, served({"/path": Route(handle)}))
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
    lane = FastLane(server, served({"/path": Route(lambda _: pytest.fail("it was taken"))}))
    client.sendall(data)
    assert lane.read()
    assert lane.next_head() is None
    assert lane.take() == data


def test_a_client_that_leaves_within_its_request_gets_nothing(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    route = Route(lambda _: pytest.fail("half a request was served"))
    lane = FastLane(server, served({"/path": route}))
    client.sendall(POST[:-1])
    client.shutdown(socket.SHUT_WR)
    assert lane.read()
    head = lane.next_head()
    assert head is not None
    assert not lane.serve(head, is_last=False)


def lane_with(
    pair: tuple[socket.socket, socket.socket], sent: bytes, **rules: float
) -> tuple[FastLane, Route]:
    client, server = pair
    route = Route(lambda _: pytest.fail("it was served"))
    client.sendall(sent)
    return FastLane(server, served({"/path": route}, **rules)), route  # type: ignore[arg-type]


@pytest.mark.parametrize("is_whole", [True, False])
def test_who_is_refused_may_go_on_if_all_of_the_request_is_there(
    pair: tuple[socket.socket, socket.socket], is_whole: bool
) -> None:
    request = POST.replace(b"Host", b"X-Refuse")
    lane, route = lane_with(pair, request if is_whole else request[:-1])
    pair[0].shutdown(socket.SHUT_WR)
    assert lane.read()
    head = lane.next_head()
    assert head is not None
    assert lane.serve(head, is_last=False) == is_whole
    told = pair[0].recv(65_536).decode()
    assert told.startswith("HTTP/1.1 503 ")
    assert told.endswith(f"refused, {is_whole=}")
    assert ("connection: keep-alive" in told) == is_whole
    assert not is_whole or lane.take() == b""
    assert route.within == 0


def test_a_body_that_does_not_come_in_time(pair: tuple[socket.socket, socket.socket]) -> None:
    lane, route = lane_with(pair, POST[:-1], body_timeout=0.01)
    assert lane.read()
    head = lane.next_head()
    assert head is not None
    assert not lane.serve(head, is_last=False)
    assert pair[0].recv(65_536).startswith(b"HTTP/1.1 408 ")
    assert route.within == 0


def test_a_head_that_does_not_come_in_time(pair: tuple[socket.socket, socket.socket]) -> None:
    lane, _ = lane_with(pair, POST[:20], header_timeout=0.01)
    assert not lane.read()
    assert pair[0].recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_a_head_without_an_end(pair: tuple[socket.socket, socket.socket]) -> None:
    lane, _ = lane_with(pair, POST[:20] + b"\r\nx: 1" * 11_000)
    assert not lane.read()
    assert pair[0].recv(65_536).startswith(b"HTTP/1.1 431 ")


class Arriving:
    """A socket on which these pieces come one after the other."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.timeout: float | None = None

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def recv(self, _size: int) -> bytes:
        return self._pieces.pop(0)


def test_a_heads_bound_ends_with_the_head() -> None:
    """gunicorn reads the body of what is none for the lane, which may be silent for longer."""
    client = Arriving(b"POST / HTTP/1.1\r\n", b"transfer-encoding: chunked\r\n\r\n")
    lane = FastLane(client, served({}, header_timeout=5))  # type: ignore[arg-type]
    assert lane.read()
    assert client.timeout is not None
    assert lane.next_head() is None
    assert lane.take().endswith(b"\r\n\r\n")
    assert client.timeout is None
