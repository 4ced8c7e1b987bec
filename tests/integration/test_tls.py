"""Upstreams over TLS, as the official SDKs meet them: trusted ones answer, others are an error that tells no secret.

Not here: each way in which a certificate can be wrong (tests/upstream/test_tls.py), bad files
(tests/config/test_build_tls.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.asks import Ask, user
from support.certificates import Certificates
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider
from support.pairs import CLIENTS, PLAIN_AND_STREAM, reply_to
from support.planted import PROVIDER_KEY
from support.streams import Answer, Api
from support.until import until
from support.upstream import Upstream

ASK = Ask((user("Hello"),))
UPSTREAM_API: Api = "chat_completions"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def upstream(certificates: Certificates) -> Iterator[Upstream]:
    """It demands the gateway's certificate."""
    with Upstream(tls=certificates.server(demands_one=True)) as upstream:
        upstream.script(lambda request: reply_to(request, UPSTREAM_API, Answer("Safe.")))
        yield upstream


@pytest.fixture(scope="module")
def clients(certificates: Certificates, upstream: Upstream) -> Iterator[Clients]:
    own, authority = certificates.own(), {"ca_file": certificates.ca_file}
    ways = {
        "trusted": own,
        "untrusted": None,
        "of-another": {**own, "ca_file": certificates.other_ca_file},
        "without-own": authority,
        "stranger": certificates.own("stranger"),
        "misnamed": {**own, "server_name": "elsewhere.example"},
    }
    entries = [
        provider(upstream.base_url, UPSTREAM_API, model=f"mine/{name}", name=name, tls=tls)
        for name, tls in ways.items()
    ]
    with GatewayProcess(config(*entries)) as gateway:
        yield Clients(gateway.base_url)
        assert "Traceback" not in gateway.output


def test_a_reload_takes_files_that_have_changed(
    certificates: Certificates, upstream: Upstream, tmp_path: Path
) -> None:
    """As when a certificate is renewed: the config says the same as before."""
    authority = tmp_path / "authority.pem"
    shutil.copy(certificates.other_ca_file, authority)
    tls = {**certificates.own(), "ca_file": str(authority)}
    entry = provider(upstream.base_url, UPSTREAM_API, model="mine/m", name="m", tls=tls)
    with GatewayProcess(config(entry)) as gateway:
        asking = Clients(gateway.base_url)
        assert asking.raw(UPSTREAM_API, "m", ASK).status_code >= 500
        shutil.copy(certificates.ca_file, authority)
        gateway.reload()
        until(lambda: asking.raw(UPSTREAM_API, "m", ASK).status_code == 200)


@CLIENTS
@PLAIN_AND_STREAM
def test_a_trusted_upstream_answers(clients: Clients, client_api: Api, stream: bool) -> None:
    for _ in range(2):
        assert clients.ask(client_api, "trusted", ASK, stream=stream).text == "Safe."


@CLIENTS
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("untrusted", "certificate is not accepted: "),
        ("of-another", "certificate is not accepted: "),
        ("misnamed", "certificate is not accepted: hostname mismatch"),
        ("without-own", "no TLS connection"),
        ("stranger", "no TLS connection"),
    ],
)
def test_others_get_nothing(
    clients: Clients, upstream: Upstream, client_api: Api, name: str, why: str
) -> None:
    asked = len(upstream.requests)
    told = clients.raw(client_api, name, ASK)
    assert told.status_code >= 500
    error = told.json()["error"]
    assert why in error["message"]
    assert error["type"] == ("api_error" if client_api == "messages" else "server_error")
    assert len(upstream.requests) == asked
    for secret in (PROVIDER_KEY, "localhost", "elsewhere.example", ".pem", ".key"):
        assert secret not in told.text
