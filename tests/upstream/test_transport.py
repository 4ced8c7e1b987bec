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
from werkzeug import Request, Response

from wsgi_gateway.upstream import transport
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
    for _ in range(2):
        reply = tls_session.post(tls_server.url_for("/"), verify=str(bundle), timeout=10)
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
    with pytest.raises(requests.exceptions.SSLError):
        tls_session.post(url, verify=str(bundle) if host == "127.0.0.1" else True, timeout=10)


def test_a_plain_server_is_no_tls_server(server: HTTPServer, tls_session: requests.Session) -> None:
    with pytest.raises(requests.ConnectionError):
        tls_session.post(server.url_for("/").replace("http://", "https://"), timeout=5)


def test_names_of_any_length_are_not_remembered() -> None:
    before = transport._remembered_target.cache_info().currsize
    origin, target, host = transport._target("http://host:81/" + "x" * 5000)
    assert (origin.port, target, host) == (81, "/" + "x" * 5000, "host:81")
    assert transport._remembered_target.cache_info().currsize == before
