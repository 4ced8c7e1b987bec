"""Who an upstream must be, and who the gateway says that it is: both transports before real TLS servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from support.certificates import Certificates
from support.upstream import Upstream, json_reply

from wsgi_gateway.client_watch import NoWatch
from wsgi_gateway.config import Tls
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream import UpstreamClient, Waits

WAITS = Waits(connect=20, begin=20, idle=20)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def usual(certificates: Certificates) -> Iterator[Upstream]:
    with Upstream(json_reply({}), certificates.server()) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def demanding(certificates: Certificates) -> Iterator[Upstream]:
    """It demands a certificate."""
    with Upstream(json_reply({}), certificates.server(demands_one=True)) as upstream:
        yield upstream


@pytest.fixture(params=["fast", "urllib3"])
def client_of(request: pytest.FixtureRequest) -> Callable[[], UpstreamClient]:
    return partial(UpstreamClient, transport=request.param)


def ask(client: UpstreamClient, url: str, tls: Tls) -> int:
    reply = client.send("POST", url, {}, b"{}", NoWatch(), WAITS, tls)
    reply.read()
    reply.close()
    return reply.status


def refusal(client: UpstreamClient, url: str, tls: Tls) -> str:
    with pytest.raises(ApiError) as refused:
        ask(client, url, tls)
    assert refused.value.kind == "unreachable"
    return refused.value.message


def test_an_upstream_of_a_trusted_authority(
    client_of: Callable[[], UpstreamClient], usual: Upstream, certificates: Certificates
) -> None:
    client = client_of()
    for _ in range(2):
        assert ask(client, usual.base_url, Tls(ca_file=certificates.ca_file)) == 200


def test_others_are_not_trusted(
    client_of: Callable[[], UpstreamClient], usual: Upstream, certificates: Certificates
) -> None:
    client, asked = client_of(), len(usual.requests)
    for tls in (Tls(), Tls(ca_file=certificates.other_ca_file)):
        told = refusal(client, usual.base_url, tls)
        assert told.startswith("the upstream's certificate is not accepted: ")
        assert "self-signed" in told or "issuer" in told
    assert len(usual.requests) == asked


def test_a_certificate_is_for_one_name(
    client_of: Callable[[], UpstreamClient], usual: Upstream, certificates: Certificates
) -> None:
    url = usual.base_url.replace("localhost", "127.0.0.1")
    client, tls = client_of(), Tls(ca_file=certificates.ca_file)
    assert "ip address mismatch" in refusal(client, url, tls)
    named = Tls(ca_file=certificates.ca_file, server_name="localhost")
    assert ask(client, url, named) == 200
    elsewhere = Tls(ca_file=certificates.ca_file, server_name="elsewhere.example")
    told = refusal(client, usual.base_url, elsewhere)
    assert told == "the upstream's certificate is not accepted: hostname mismatch"


def test_an_upstream_that_demands_a_certificate(
    client_of: Callable[[], UpstreamClient], demanding: Upstream, certificates: Certificates
) -> None:
    client, asked = client_of(), len(demanding.requests)
    url = demanding.base_url
    assert refusal(client, url, Tls(ca_file=certificates.ca_file))
    assert refusal(client, url, certificates.tls("stranger"))
    assert len(demanding.requests) == asked
    assert ask(client, url, certificates.tls()) == 200
    both = Tls(ca_file=certificates.ca_file, cert_file=str(certificates.folder / "gateway.pem"))
    assert ask(client, url, both) == 200


def test_nobody_speaks_on_a_connection_that_was_opened_for_another(
    client_of: Callable[[], UpstreamClient], demanding: Upstream, certificates: Certificates
) -> None:
    client = client_of()
    assert ask(client, demanding.base_url, certificates.tls()) == 200
    refusal(client, demanding.base_url, Tls(ca_file=certificates.ca_file))
    refusal(client, demanding.base_url, Tls())
    assert ask(client, demanding.base_url, certificates.tls()) == 200


def test_files_that_are_gone_are_a_refusal(
    client_of: Callable[[], UpstreamClient], usual: Upstream
) -> None:
    assert refusal(client_of(), usual.base_url, Tls(ca_file="/gone.pem"))
