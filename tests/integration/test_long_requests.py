"""Long requests, of whose history most stays JSON on its way: what is wrong in them, and what of them is kept.

That they arrive as they were said is in test_matrix.py. Not here: their sizes (test_bad_bodies.py).
"""

from __future__ import annotations

import json

import pytest
from support.asks import READERS, Text
from support.dialects import PATHS, Clients
from support.pairs import (
    CLIENTS,
    TRANSLATED,
    UPSTREAMS,
    check_error_body,
    model_of,
    reply_to,
)
from support.streams import Answer, Api, Json
from support.upstream import Upstream

STATELESS = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
LONG = "as it was — " * 3000
HISTORIES: dict[Api, Json] = {
    "chat_completions": {"messages": [{"role": "user", "content": LONG}] * 3},
    "messages": {
        "messages": [{"role": "user", "content": [{"type": "text", "text": LONG}]}] * 3,
        "max_tokens": 9,
    },
    "responses": {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": LONG}]}] * 3,
        "store": False,
    },
}


def written(body: Json) -> bytes:
    """As SDKs do, with characters as they are: of ASCII alone text is made at once."""
    return json.dumps(body, ensure_ascii=False).encode()


@TRANSLATED
def test_it_arrives_as_it_was(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Yes.")))
    body = {"model": model_of(upstream_api), **HISTORIES[client_api]}
    assert clients.post(PATHS[client_api], written(body)).status_code == 200
    said = [part for turn in READERS[upstream_api](upstream.last.json).turns for part in turn.parts]
    assert said == [Text(LONG)] * 3


@TRANSLATED
def test_a_field_deep_in_the_history_is_named(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    name = "input" if client_api == "responses" else "messages"
    for wrong, place in (
        ({"role": "user", "content": 5}, "[2].content"),
        ({"role": "user", "content": [{"type": "text", "text": 5}]}, "[2].content[0].text"),
        ({"role": 5, "content": LONG}, "[2].role"),
    ):
        body = {"model": model_of(upstream_api), **HISTORIES[client_api]}
        body[name] = [*body[name][:2], wrong]
        answer = clients.post(PATHS[client_api], written(body))
        assert answer.status_code == 400, wrong
        error = check_error_body(client_api, answer.content)
        assert name + place in error["message"], wrong
    assert upstream.requests == []


@CLIENTS
@UPSTREAMS
def test_what_is_no_utf_8_goes_nowhere(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api
) -> None:
    body = {"model": model_of(upstream_api), **HISTORIES[client_api]}
    sent = written(body).replace("—".encode(), b"\xc0\xa2", 1)
    answer = clients.post(PATHS[client_api], sent)
    assert answer.status_code == 400
    assert "utf-8" in check_error_body(client_api, answer.content)["message"].lower()
    assert upstream.requests == []


@STATELESS
def test_a_stored_turn_goes_on(upstream: Upstream, clients: Clients, upstream_api: Api) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Yes.")))
    model = model_of(upstream_api)
    first = clients.openai.responses.create(model=model, input=[{"role": "user", "content": LONG}])
    clients.openai.responses.create(model=model, input=LONG, previous_response_id=first.id)
    said = [part for turn in READERS[upstream_api](upstream.last.json).turns for part in turn.parts]
    assert said == [Text(LONG), Text("Yes."), Text(LONG)]
    (kept,) = clients.openai.responses.input_items.list(first.id).data
    assert kept.content[0].text == LONG


@STATELESS
@pytest.mark.parametrize("kind", [{"type": "item_reference"}, {}], ids=["named", "by its id alone"])
def test_items_that_are_kept_are_found(
    upstream: Upstream, clients: Clients, upstream_api: Api, kind: Json
) -> None:
    upstream.script(lambda request: reply_to(request, upstream_api, Answer("Yes.")))
    model = model_of(upstream_api)
    first = clients.openai.responses.create(model=model, input="Is it?")
    given = [{"id": first.output[0].id, **kind}, {"role": "user", "content": LONG}]
    body = {"model": model, "input": given, "store": False}
    assert clients.post(PATHS["responses"], written(body)).status_code == 200
    assistant, user = READERS[upstream_api](upstream.last.json).turns[-2:]
    assert (assistant.parts, user.parts) == ((Text("Yes."),), (Text(LONG),))
