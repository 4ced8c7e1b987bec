"""What is refused before there is an exchange: it has a request id, and who observes the gateway hears of it.

Here: paths, methods, bodies and heads that go no further. Not here: what is wrong with them (test_bad_requests.py,
test_bad_bodies.py, test_slow_requests.py), refusals of keys and limits (test_access.py, test_limits.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.gateway import GatewayProcess, config, provider
from support.pairs import APIS, check_error_body
from support.raw_http import RawAnswer, exchange, head, plain
from support.streams import Api, Json
from support.until import until
from support.upstream import Upstream

LARGE = b"x" * 2000
CHUNKED = b"7d0\r\n" + LARGE + b"\r\n0\r\n\r\n"


class Observed:
    """A gateway, and what its log says of each request."""

    def __init__(self, gateway: GatewayProcess, log: Path) -> None:
        self.gateway = gateway
        self._log = log

    def lines(self) -> dict[str, Json]:
        """By the id of the request."""
        *whole, _ = self._log.read_bytes().split(b"\n")  # of the last one there may be a part
        read = [json.loads(line) for line in whole]
        return {line["request_id"]: line for line in read}

    def ask(self, *pieces: bytes) -> RawAnswer:
        return exchange(self.gateway.port, *pieces)


@pytest.fixture(scope="module")
def observed(
    session_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Observed]:
    log = tmp_path_factory.mktemp("log") / "access.log"
    source = config(
        *(provider(session_upstream.base_url, api) for api in APIS),
        access_log={"path": str(log)},
        overload={"max_body_size": 1000},
    )
    with GatewayProcess(source) as gateway:
        yield Observed(gateway, log)


def id_of(answer: RawAnswer) -> str:
    """The same under all names."""
    headers = answer.headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["x-request-id"] == headers["request-id"] == headers["x-gateway-request-id"]
    return headers["x-request-id"]


def told(observed: Observed, answer: RawAnswer) -> Json:
    """Its line."""
    own = id_of(answer)
    until(lambda: own in observed.lines())
    line = observed.lines()[own]
    assert (line["status"], line["ending"]) == (answer.status, "refused")
    assert (line["provider"], line["attempts"]) == (None, 0)
    assert line["client_address"] == "127.0.0.1"
    return line


UNKNOWN = [
    ("GET", "/v1/embeddings", 404, "chat_completions", "not_found"),
    ("POST", "/v1/messages/batches", 404, "chat_completions", "not_found"),
    ("POST", "/v1/responses/resp_1/nothing", 404, "responses", "not_found"),
    ("PUT", "/v1/messages", 405, "messages", "invalid_request"),
    ("GET", "/v1/chat/completions", 405, "chat_completions", "invalid_request"),
    ("PATCH", "/v1/responses", 405, "responses", "invalid_request"),
    ("DELETE", "/v1/conversations", 405, "responses", "invalid_request"),
]


@pytest.mark.parametrize(("method", "path", "status", "api", "error"), UNKNOWN)
def test_paths_and_methods_that_there_are_not(
    observed: Observed, method: str, path: str, status: int, api: Api, error: str
) -> None:
    answer = observed.ask(plain(path, b"{}", method=method))
    assert answer.status == status
    check_error_body(api, answer.body)
    line = told(observed, answer)
    assert (line["api"], line["operation"], line["error"]) == (api, "unknown", error)


@pytest.mark.parametrize(
    ("path", "api", "operation"),
    [
        ("/v1/chat/completions", "chat_completions", "reply"),
        ("/v1/messages", "messages", "reply"),
        ("/v1/messages/count_tokens", "messages", "count_tokens"),
        ("/v1/responses", "responses", "reply"),
        ("/v1/responses/compact", "responses", "compaction"),
        ("/v1/responses/resp_1/cancel", "responses", "stored_response"),
        ("/v1/conversations", "responses", "stored_conversation"),
    ],
)
def test_bodies_that_are_too_large(observed: Observed, path: str, api: Api, operation: str) -> None:
    for sent in (
        (plain(path, LARGE),),
        (head(path, "transfer-encoding: chunked"), CHUNKED),
    ):
        answer = observed.ask(*sent)
        assert answer.status == 413
        check_error_body(api, answer.body)
        line = told(observed, answer)
        assert (line["api"], line["operation"], line["error"]) == (api, operation, "too_large")


def test_a_get_that_opens_no_websocket(observed: Observed) -> None:
    answer = observed.ask(head("/v1/responses", method="GET"))
    assert answer.status == 426
    assert told(observed, answer)["operation"] == "reply"


def test_sdks_tell_the_id(observed: Observed) -> None:
    client = openai.OpenAI(
        base_url=f"{observed.gateway.base_url}/v1", api_key="sk-client", max_retries=0
    )
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="m", input="x")
    with pytest.raises(openai.APIStatusError) as large:
        client.responses.create(model="m", input="x" * 2000)
    with pytest.raises(openai.NotFoundError) as no_model:
        client.models.retrieve("nothing")
    for refused in (unknown, large, no_model):
        assert (refused.value.request_id or "").startswith("req_")


def test_other_answers_have_an_id_and_no_line(observed: Observed) -> None:
    asked = {
        head("/healthz", method="GET"): 200,
        head("/metrics", method="GET"): 200,
        head("/v1/models", method="GET"): 200,
        head("/v1/models/nothing", method="GET"): 404,
        head("/favicon.ico", method="GET"): 404,
        head("/healthz"): 405,
        b"GET /v1/models HTTP/1.1\r\nno header\r\n\r\n": 400,
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n": 414,
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 70_000 + b"\r\n\r\n": 431,
    }
    ids = []
    for sent, status in asked.items():
        answer = observed.ask(sent)
        assert answer.status == status, sent[:50]
        ids.append(id_of(answer))
    assert len({*ids}) == len(asked)
    told(observed, observed.ask(head("/v1/last", method="GET")))
    assert not {*ids} & {*observed.lines()}


def test_refusals_are_counted(observed: Observed) -> None:
    def count(method: str, status: str) -> float:
        labels = {"api": "messages", "method": method, "status": status, "ending": "refused"}
        text = httpx2.get(f"{observed.gateway.base_url}/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "wsgi_gateway_requests_total" and sample.labels == labels
        )

    before = count("unknown", "405"), count("reply", "413")
    observed.ask(plain("/v1/messages", b"{}", method="PUT"))
    observed.ask(plain("/v1/messages", LARGE))
    until(lambda: count("unknown", "405") == before[0] + 1)
    until(lambda: count("reply", "413") == before[1] + 1)
