"""PostgreSQL and Redis die under load, and what clients have been told is done stays done.

Here: twenty clients at once before real servers, which are killed. Not here: one client's view of it
(test_state_storage.py), storages alone (tests/state).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx2
import openai
import pytest
from support.databases import Database
from support.gateway import GatewayProcess, config, provider
from support.load import Load, Refused
from support.pairs import model_of, reply_to
from support.sockets import ask, create, opened, text_of
from support.streams import Answer, Json
from support.until import until
from support.upstream import Reply, Request, Upstream

MODEL = model_of("chat_completions")
CHAT: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}
OPEN = ("queued", "in_progress")
LONGEST = 6
"""Turns after which a chain or a conversation begins anew."""


def counted(request: Request) -> Reply:
    """An answer that tells how many messages the upstream was shown."""
    shown = len(request.json["messages"])
    return reply_to(request, "chat_completions", Answer(f"{shown} messages"))


@contextmanager
def refusable() -> Iterator[None]:
    """Turns the one refusal that is right into Refused."""
    try:
        yield
    except openai.APIError as error:
        if error.code != "state_storage_unavailable":
            raise
        if isinstance(error, openai.APIStatusError):
            assert error.status_code == 503
            assert error.response.headers["retry-after"] == "1"
        raise Refused from error


class Clients:
    """What they ask; and of what needs the storage, all that they were told is done."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.openai = openai.OpenAI(base_url=f"{base_url}/v1", api_key="sk-client", max_retries=0)
        self.raw = httpx2.Client(base_url=base_url, headers={"authorization": "Bearer sk-client"})
        self.texts: dict[str, str] = {}
        """What each response said."""
        self.background: list[str] = []
        self.streamed: list[str] = []
        self.deleted: list[str] = []
        self.said: dict[str, list[str]] = {}
        """What was said in each conversation."""

    def create(self, stream: bool, **asked: Any) -> Any:
        responses = self.openai.responses
        if not stream:
            return responses.create(model=MODEL, **asked)
        events = list(responses.create(model=MODEL, stream=True, **asked))
        assert events[-1].type == "response.completed"
        return events[-1].response

    # --- those that need no storage

    def chat(self, stream: bool) -> None:
        if not stream:
            told = self.openai.chat.completions.create(**CHAT)
            assert told.choices[0].message.content == "1 messages"
            return
        chunks = self.openai.chat.completions.create(**CHAT, stream=True)
        texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
        assert "".join(texts) == "1 messages"

    def message(self) -> None:
        answer = self.raw.post("/v1/messages", json={**CHAT, "max_tokens": 100})
        assert answer.status_code == 200, answer.text
        assert answer.json()["content"][0]["text"] == "1 messages"

    def unstored(self, stream: bool) -> None:
        assert self.create(stream, input="Hi", store=False).output_text == "1 messages"

    def silent(self, stream: bool) -> None:
        """Says nothing of being stored, and may be."""
        assert self.create(stream, input="Hi").output_text == "1 messages"

    def socket(self) -> None:
        """What it goes on from is known to its connection."""
        with opened(self.base_url) as socket:
            previous = None
            for turn in range(3):
                asked = {"store": False, "previous_response_id": previous}
                last = ask(socket, create(MODEL, "Hi", **asked))
                assert text_of(last) == f"{2 * turn + 1} messages"
                previous = last["response"]["id"]

    # --- those that need it

    def chain(self, stream: bool) -> Callable[[], None]:
        turns, previous = 0, None

        def go_on() -> None:
            nonlocal turns, previous
            with refusable():
                told = self.create(stream, input="Hi", previous_response_id=previous, store=True)
            assert told.output_text == f"{2 * turns + 1} messages"
            self.texts[told.id] = told.output_text
            turns, previous = (turns + 1, told.id) if turns < LONGEST else (0, None)

        return go_on

    def retrieve(self) -> Callable[[], None]:
        known = self.create(False, input="Hi", store=True)
        self.texts[known.id] = known.output_text

        def read() -> None:
            with refusable():
                assert self.openai.responses.retrieve(known.id) == known

        return read

    def begin_in_background(self) -> None:
        with refusable():
            told = self.openai.responses.create(model=MODEL, input="Hi", background=True)
        self.background.append(told.id)

    def stream_from_background(self) -> None:
        """Has its id from the first event on, whatever becomes of the stream."""
        with refusable():
            for event in self.openai.responses.create(
                model=MODEL, input="Hi", background=True, stream=True
            ):
                if event.type == "response.created":
                    self.streamed.append(event.response.id)

    def delete(self) -> None:
        with refusable():
            made = self.create(False, input="Hi", store=True)
            self.openai.responses.delete(made.id)
        self.deleted.append(made.id)

    def converse(self, stream: bool) -> Callable[[], None]:
        made, number = "", 0

        def go_on() -> None:
            nonlocal made, number
            with refusable():
                if not made or number % LONGEST == 0:
                    made = self.openai.conversations.create().id
                number += 1
                self.create(stream, input=f"Word {number}", conversation=made, store=True)
            self.said.setdefault(made, []).append(f"Word {number}")

        return go_on

    def rename(self) -> None:
        with refusable():
            made = self.openai.conversations.create(metadata={"name": "first"})
            self.openai.conversations.update(made.id, metadata={"name": "second"})
        self.said[made.id] = []


def without_storage(clients: Clients) -> dict[str, Callable[[], None]]:
    """By their names."""
    asks: dict[str, Callable[[], None]] = {"message": clients.message, "socket": clients.socket}
    for stream in (False, True):
        for method in (clients.chat, clients.unstored, clients.silent):
            asks[f"{method.__name__}, {stream=}"] = partial(method, stream)
    return asks


def with_storage(clients: Clients) -> dict[str, Callable[[], None]]:
    """The same."""
    asks: dict[str, Callable[[], None]] = {
        method.__name__: method
        for method in (
            clients.begin_in_background,
            clients.stream_from_background,
            clients.delete,
            clients.rename,
        )
    }
    asks["retrieve"] = clients.retrieve()
    for stream in (False, True):
        for n in (1, 2):
            asks[f"chain, {stream=} {n}"] = clients.chain(stream)
            asks[f"converse, {stream=} {n}"] = clients.converse(stream)
    return asks


@pytest.fixture
def gateway(storage: Json, upstream: Upstream) -> Iterator[GatewayProcess]:
    upstream.script(counted)
    source = config(provider(upstream.base_url, "chat_completions"), state_storage=storage)
    with GatewayProcess(source, workers=2) as running:
        yield running


@pytest.mark.parametrize("kind", ["postgres", "redis"])
def test_only_who_needs_the_storage_is_refused_and_nothing_is_lost(
    gateway: GatewayProcess, server: Database
) -> None:
    clients = Clients(gateway.base_url)
    others, stateful = without_storage(clients), with_storage(clients)
    with Load({**others, **stateful}) as load:
        load.until_answered(2, *others, *stateful)
        server.kill()
        load.until_refused(2, *stateful)
        load.until_answered(2, *others)
        server.start()
        load.until_answered(2, *others, *stateful)
        server.kill()
    server.start()
    check(clients)


def check(clients: Clients) -> None:
    """All that was told to be done is found as it was told."""
    with ThreadPoolExecutor(4) as pool:
        for check_one, of in (
            (_check_text, clients.texts),
            (_check_deleted, clients.deleted),
            (_check_background, clients.background + clients.streamed),
            (_check_stream, clients.streamed),
            (_check_conversation, clients.said),
        ):
            list(pool.map(partial(check_one, clients), of))


def _found(clients: Clients, path: str) -> Any:
    """What is there, or None. Either worker may not have noticed yet that the storage is back."""
    answers: list[httpx2.Response] = []

    def is_told() -> bool:
        answers.append(clients.raw.get(path))
        return answers[-1].status_code != 503

    until(is_told)
    assert answers[-1].status_code in (200, 404), answers[-1].text
    return answers[-1].json() if answers[-1].status_code == 200 else None


def _check_text(clients: Clients, id_: str) -> None:
    text = clients.texts[id_]
    stored = _found(clients, f"/v1/responses/{id_}")
    assert stored["status"] == "completed"
    assert stored["output"][0]["content"][0]["text"] == text
    items = _found(clients, f"/v1/responses/{id_}/input_items")["data"]
    assert f"{len(items)} messages" == text


def _check_deleted(clients: Clients, id_: str) -> None:
    assert _found(clients, f"/v1/responses/{id_}") is None


def _check_background(clients: Clients, id_: str) -> None:
    path = f"/v1/responses/{id_}"
    until(lambda: _found(clients, path)["status"] not in OPEN)
    stored = _found(clients, path)
    assert (stored["status"], stored["background"]) == ("completed", True), stored


def _check_stream(clients: Clients, id_: str) -> None:
    told = clients.raw.get(f"/v1/responses/{id_}?stream=true").text
    numbers = [int(number) for number in re.findall(r'"sequence_number":(\d+)', told)]
    assert numbers == list(range(len(numbers)))
    assert "event: response.completed\n" in told


def _check_conversation(clients: Clients, id_: str) -> None:
    said = clients.said[id_]
    page = _found(clients, f"/v1/conversations/{id_}/items?limit=100&order=asc")
    found = [item["content"][0]["text"] for item in page["data"] if item["role"] == "user"]
    assert set(said) <= set(found)
    assert len(found) == len(set(found)), "each was said once"
    if not said:
        assert _found(clients, f"/v1/conversations/{id_}")["metadata"] == {"name": "second"}
