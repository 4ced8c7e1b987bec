"""What a client hears of a reply that is to be kept. Not here: whole exchanges (tests/integration)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wsgi_gateway.exchange.keeping import Keeping
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.state import Responses, Store, StoreDown, Turn
from wsgi_gateway.state.memory import MemoryBackend

API = PROTOCOLS["responses"]
RESPONSE: dict[str, Any] = {"id": "resp_1", "status": "completed", "output": []}
DATA = b'data: {"type":"response.completed","sequence_number":4}\n\n'


class Broken(MemoryBackend):
    failures = (OSError,)

    def put(self, values: object) -> None:  # noqa: ARG002
        raise OSError


def keeping(body: Any, backend: MemoryBackend, *, tells: bool = True) -> Keeping:
    turn = Turn({"input": "x", **body}, Store(backend, "memory").within(""))
    return Keeping(turn, API, Loss("responses"), tells=tells)


@pytest.fixture
def broken() -> Broken:
    return Broken(ttl=60, max_items=10)


def test_who_has_no_state_is_served() -> None:
    kept = Keeping(None, API, Loss("messages"), tells=True)
    assert kept.keep(RESPONSE)
    assert kept.keep_stream(RESPONSE, DATA) == DATA
    assert kept.passed_stream(API.tap()) is None


def test_who_did_not_ask_for_it_is_warned(broken: Broken) -> None:
    assert not keeping({}, broken).keep(RESPONSE)
    told = keeping({}, Broken(ttl=60, max_items=10)).keep_stream(RESPONSE, DATA)
    assert told.startswith(b": x-gateway-warning: store;dropped")
    assert told.endswith(DATA)


def test_who_does_not_want_to_know_is_not_told(broken: Broken) -> None:
    assert keeping({}, broken, tells=False).keep_stream(RESPONSE, DATA) == DATA


def test_who_insists_is_refused(broken: Broken) -> None:
    with pytest.raises(StoreDown):
        keeping({"store": True}, broken).keep(RESPONSE)
    told = keeping({"store": True}, Broken(ttl=60, max_items=10)).keep_stream(RESPONSE, DATA)
    event = json.loads(told.partition(b"data: ")[2])
    assert (event["type"], event["sequence_number"]) == ("error", 5)
    assert event["code"] == "state_storage_unavailable"


def test_a_stream_that_passes_is_kept_before_its_end_does() -> None:
    backend = MemoryBackend(ttl=60, max_items=10)
    store = Store(backend, "memory").within("")
    kept = keeping({}, backend)
    tap = API.tap()
    change = kept.passed_stream(tap)
    assert change is not None
    first = b'data: {"type":"response.created","response":{"id":"resp_1"}}\n\n'
    assert change(tap.feed(first)) == first
    assert Responses(store).response("resp_1") is None
    last = b'data: {"type":"response.completed","response":%b}\n\n' % json.dumps(RESPONSE).encode()
    assert change(tap.feed(last)) == last
    stored = Responses(store).response("resp_1")
    assert stored is not None
    assert json.loads(bytes(stored.response)) == RESPONSE
