"""The transport adapter as any user of requests would mount it, against a real server."""

import gzip
import ssl
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme
from pytest_httpserver import HTTPServer
from support.raw_upstream import Asked, RawUpstream, Step
from werkzeug import Request, Response

from wsgi_gateway.config import Tls
from wsgi_gateway.upstream import transport
from wsgi_gateway.upstream.transport import Transport

FINE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"


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
        ("gzip", gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0)),
        ("deflate", zlib.compress(b"one two")),
        ("identity", b"one two"),
    ],
)
def test_a_packed_reply_is_unpacked(
    server: HTTPServer, session: requests.Session, encoding: str, packed: bytes
) -> None:
    server.expect_request("/").respond_with_data(packed, headers={"content-encoding": encoding})
    assert session.post(server.url_for("/")).content == b"one two"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_error_without_a_body_is_what_it_is(
    server: HTTPServer, session: requests.Session, encoding: str
) -> None:
    headers = {"content-encoding": encoding, "retry-after": "3"}
    server.expect_request("/").respond_with_data(b"", status=429, headers=headers)
    reply = session.post(server.url_for("/"))
    assert (reply.status_code, reply.content) == (429, b"")


@pytest.mark.parametrize(
    ("encoding", "packed"), [("gzip", gzip.compress(b"one", mtime=0)[:-9]), ("xz", b"?")]
)
def test_what_cannot_be_unpacked_is_an_error(
    server: HTTPServer, session: requests.Session, encoding: str, packed: bytes
) -> None:
    server.expect_request("/").respond_with_data(packed, headers={"content-encoding": encoding})
    with pytest.raises(OSError):
        session.post(server.url_for("/"))


def test_what_was_idle_for_too_long_is_not_used(
    session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a quiet night, when something on the way has forgotten the connection, and nobody is told."""
    clock = [1000.0]
    monkeypatch.setattr(transport, "monotonic", lambda: clock[0])

    def script(_: Asked) -> list[Step]:
        is_first_of_its_connection = len(upstream.asked) == upstream.accepted
        return [FINE if is_first_of_its_connection else "stall"]

    with RawUpstream(script) as upstream:
        for _ in range(2):
            with session.post(upstream.base_url, timeout=60) as reply:
                assert reply.content == b"fine"
            clock[0] += 3600
        session.close()
    assert upstream.accepted == 2


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


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_server(authority: trustme.CA) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(host="localhost", port=0, ssl_context=context) as server:
        server.expect_request("/").respond_with_data(b"x" * 200_000)
        yield server


@pytest.fixture
def tls_session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", Transport(2))
        yield session


def test_a_reply_over_tls(
    tls_server: HTTPServer, tls_session: requests.Session, authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    tls_session.mount("https://", Transport(2, Tls(ca_file=str(bundle))))
    for _ in range(2):
        reply = tls_session.post(tls_server.url_for("/"), timeout=60)
        assert reply.content == b"x" * 200_000


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_certificate_is_verified(
    tls_server: HTTPServer,
    tls_session: requests.Session,
    authority: trustme.CA,
    tmp_path: Path,
    host: str,
) -> None:
    """One of an unknown authority, and one for another name."""
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    url = tls_server.url_for("/").replace("localhost", host)
    if host == "127.0.0.1":
        tls_session.mount("https://", Transport(2, Tls(ca_file=str(bundle))))
    with pytest.raises(requests.exceptions.SSLError):
        tls_session.post(url, timeout=60)


def test_a_plain_server_is_no_tls_server(server: HTTPServer, tls_session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        tls_session.post(server.url_for("/").replace("http://", "https://"), timeout=5)


def test_names_of_any_length_are_not_remembered() -> None:
    before = transport._remembered_target.cache_info().currsize
    origin, target, host = transport._target("http://host:81/" + "x" * 5000)
    assert (origin.port, target, host) == (81, "/" + "x" * 5000, "host:81")
    assert transport._remembered_target.cache_info().currsize == before
