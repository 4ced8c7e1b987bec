"""The transport adapter as any user of requests would mount it, against a real server."""

import gzip
import zlib

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from wsgi_gateway.upstream.transport import Transport


@pytest.fixture
def server() -> HTTPServer:
    with HTTPServer(port=0) as server:
        yield server


@pytest.fixture
def session() -> requests.Session:
    with requests.Session() as session:
        session.mount("http://", Transport(2))
        yield session


def test_a_request_arrives_as_it_was_meant(server: HTTPServer, session: requests.Session) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response(b"fine", status=201, headers={"X-Kind": "test"})

    server.expect_request("/a b").respond_with_handler(answer)
    reply = session.post(server.url_for("/a b?q=é"), data="body é".encode(), headers={"x-own": "1"})

    assert (reply.status_code, reply.content, reply.headers["x-kind"]) == (201, b"fine", "test")
    (request,) = seen
    assert request.get_data() == "body é".encode()
    assert request.args["q"] == "é"
    assert request.headers["x-own"] == "1"
    assert request.host == f"{server.host}:{server.port}"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"one ") + gzip.compress(b"two")),
        ("deflate", zlib.compress(b"one two")),
        ("identity", b"one two"),
    ],
)
def test_a_packed_reply_is_unpacked(
    server: HTTPServer, session: requests.Session, encoding: str, packed: bytes
) -> None:
    server.expect_request("/").respond_with_data(packed, headers={"content-encoding": encoding})
    assert session.post(server.url_for("/")).content == b"one two"


@pytest.mark.parametrize(
    ("encoding", "packed"), [("gzip", gzip.compress(b"one")[:-9]), ("xz", b"?")]
)
def test_what_cannot_be_unpacked_is_an_error(
    server: HTTPServer, session: requests.Session, encoding: str, packed: bytes
) -> None:
    server.expect_request("/").respond_with_data(packed, headers={"content-encoding": encoding})
    with pytest.raises(OSError):
        session.post(server.url_for("/"))


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb"])
def test_no_header_ends_its_line(server: HTTPServer, value: str) -> None:
    request = requests.PreparedRequest()
    request.method, request.url, request.body = "POST", server.url_for("/"), b""
    request.headers = {"x": value}
    with pytest.raises(requests.exceptions.InvalidHeader):
        Transport(1).send(request)


def test_nobody_there_is_a_connection_error(session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        session.post("http://127.0.0.1:1/")


def test_no_http_is_an_invalid_url() -> None:
    request = requests.PreparedRequest()
    request.method, request.url, request.body, request.headers = "POST", "ftp://x/", b"", {}
    with pytest.raises(requests.exceptions.InvalidURL):
        Transport(1).send(request)


def test_tls_is_verified(server: HTTPServer) -> None:
    """A plain server is no TLS server: the handshake fails, and nothing is sent."""
    with requests.Session() as session:
        session.mount("https://", Transport(1))
        with pytest.raises(requests.ConnectionError):
            session.post(server.url_for("/").replace("http://", "https://"), timeout=5)
