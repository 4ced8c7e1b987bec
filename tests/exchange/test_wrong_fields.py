"""Every field of a request with every wrong type: a 400 that names it, or left to an upstream of the same API.

The gateway's whole pipeline, but for HTTP. Not here: what is no JSON at all (tests/integration/test_bad_bodies.py).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from support.dice import Dice, dice
from support.documented_fields import FIELDS, SMALLEST, UNREAD, VALUES
from support.events import translation
from support.generated_requests import CAPABILITIES, draw_conversation, spoiled
from support.in_process import ReadyUpstream, asked, ready_gateway, whole
from support.pairs import APIS, CLIENTS, PAIRS, TRANSLATED, check_error_body, model_of
from support.properties import thorough
from support.streams import Api, Json

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.side_endpoints.compacting import Compactor
from wsgi_gateway.side_endpoints.counting import TokenCounter

Ready = tuple[Gateway, ReadyUpstream]


@pytest.fixture(scope="module")
def ready() -> Ready:
    return ready_gateway()


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.WARNING)
    yield
    assert caplog.records == []


def body_with(client_api: Api, upstream_api: Api, field: str, value: str) -> bytes:
    """The smallest request with ``value``, a JSON text, for ``field``."""
    rest: Json = {"model": model_of(upstream_api), **SMALLEST[client_api]}
    rest.pop(field, None)
    return json.dumps(rest)[:-1].encode() + f',"{field}":{value}}}'.encode()


def named(client_api: Api, field: str, body: bytes) -> bool:
    """Whether an error says which field it is about, in the way its API does."""
    error = check_error_body(client_api, body)
    assert error["type"] in {"invalid_request_error", "not_found_error"}, error
    place = error["message"] if client_api == "messages" else error["param"] or ""
    return str(place).startswith(field) or (field == "model" and "the model" in error["message"])


@PAIRS
def test_what_is_no_json_is_refused_by_the_fields_name(
    ready: Ready, client_api: Api, upstream_api: Api
) -> None:
    gateway, upstream = ready
    upstream.sent = None
    for field in (*FIELDS[client_api], *UNREAD[client_api]):
        for kind, value in VALUES:
            if kind == "no JSON":
                body = body_with(client_api, upstream_api, field, value)
                answer = gateway.answer(client_api, asked(body))
                assert answer.status == 400, body
                assert named(client_api, field, whole(answer)), body
    assert upstream.sent is None


@TRANSLATED
def test_a_wrong_type_is_refused_by_the_fields_name(
    ready: Ready, client_api: Api, upstream_api: Api
) -> None:
    gateway, upstream = ready
    for field, kinds in FIELDS[client_api].items():
        for kind, value in VALUES:
            upstream.sent = None
            body = body_with(client_api, upstream_api, field, value)
            answer = gateway.answer(client_api, asked(body))
            told = whole(answer)
            if kind not in kinds:
                assert answer.status == 400, body
            if answer.status != 200:
                assert answer.status in {400, 404}, body
                assert named(client_api, field, told) or field == "conversation", (body, told)
                assert upstream.sent is None, body
            else:
                assert upstream.sent is not None, body


@TRANSLATED
def test_a_field_that_nobody_reads_is_left_out_with_a_warning(
    ready: Ready, client_api: Api, upstream_api: Api
) -> None:
    gateway, _ = ready
    for field in UNREAD[client_api]:
        for kind, value in VALUES:
            if kind in {"null", "no JSON"} or not json.loads(value):
                continue
            body = body_with(client_api, upstream_api, field, value)
            answer = gateway.answer(client_api, asked(body))
            if answer.status == 200:
                assert field in answer.headers["x-gateway-warning"], body
            else:
                assert answer.status == 400 and named(client_api, field, whole(answer)), body


@CLIENTS
def test_what_passes_through_is_for_the_upstream_to_judge(ready: Ready, client_api: Api) -> None:
    gateway, upstream = ready
    for field in (*FIELDS[client_api], *UNREAD[client_api]):
        if field == "model":
            continue
        for kind, value in VALUES:
            if kind == "no JSON":
                continue
            upstream.sent = None
            body = body_with(client_api, client_api, field, value)
            answer = gateway.answer(client_api, asked(body))
            told = whole(answer)
            if answer.status == 200:
                assert upstream.sent == body
            else:
                assert field == "conversation" and answer.status == 400, (body, told)
                assert named(client_api, field, told), (body, told)


@PAIRS
def test_a_model_that_is_none(ready: Ready, client_api: Api, upstream_api: Api) -> None:
    gateway, upstream = ready
    upstream.sent = None
    for kind, value in VALUES:
        body = body_with(client_api, upstream_api, "model", value)
        answer = gateway.answer(client_api, asked(body))
        told = whole(answer)
        is_name = kind == "string" and json.loads(value) != ""
        assert answer.status == (404 if is_name else 400), body
        assert "model" in check_error_body(client_api, told)["message"], told
    assert upstream.sent is None


@pytest.mark.parametrize("asks", ["messages", "responses", "compact"])
@pytest.mark.parametrize("upstream_api", APIS)
def test_side_endpoints_refuse_wrong_types_too(ready: Ready, asks: str, upstream_api: Api) -> None:
    """Their upstream has no such endpoint, so that the gateway itself has to answer."""
    gateway, _ = ready
    client_api: Api = "messages" if asks == "messages" else "responses"
    answer_to = (Compactor if asks == "compact" else TokenCounter)(gateway).answer
    # What a count or a summary has no use for is not read.
    unread = {"max_tokens"} if asks == "messages" else _ABOUT_REPLIES if asks == "compact" else {}
    for field, kinds in FIELDS[client_api].items():
        for kind, value in VALUES:
            body = body_with(client_api, upstream_api, field, value)
            answer = answer_to(client_api, asked(body))
            told = whole(answer)
            is_empty = field == "input" and kind != "no JSON" and not json.loads(value)
            if kind not in kinds and field not in unread and not is_empty:
                assert answer.status == 400, (body, told)
            if answer.status != 200:
                assert answer.status in {400, 404}, (body, told)
                assert named(client_api, field, told) or field == "conversation", (body, told)


_ABOUT_REPLIES = {
    "background",
    "context_management",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "store",
    "stream_options",
    "stream",
    "temperature",
    "text",
    "tool_choice",
    "top_logprobs",
    "top_p",
}

_GATEWAY, _UPSTREAM = ready_gateway()


@CLIENTS
@given(dice=dice(300))
@thorough
def test_wrong_values_anywhere_are_never_the_gateways_failure(client_api: Api, dice: Dice) -> None:
    """Requests of all kinds, with something wrong in their depths, to every endpoint that reads such a body."""
    conversation = draw_conversation(dice, client_api)
    right = translation(client_api, **CAPABILITIES[client_api])
    body = spoiled(PROTOCOLS[client_api].write_request(conversation, right), dice)
    if not isinstance(body, dict):
        return
    for upstream_api in APIS:
        given: Json = {**body, "model": model_of(upstream_api)}
        if dice.chance(3):
            given["stream"] = True
        data = encode(given)
        answers = [_GATEWAY.answer(client_api, asked(data))]
        if client_api != "chat_completions":
            answers.append(TokenCounter(_GATEWAY).answer(client_api, asked(data)))
        if client_api == "responses":
            answers.append(Compactor(_GATEWAY).answer(client_api, asked(data)))
        for answer in answers:
            told = whole(answer)
            assert answer.status in {200, 400, 404}, (data, told)
            assert answer.status == 200 or check_error_body(client_api, told)
