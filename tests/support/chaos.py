"""A gateway before a provider that breaks its replies off: many exchanges at once, and what is left of them.

Here: the provider's scripts by model, asking without an SDK, judging, counting. Not here: the replies
(broken_replies.py) and what the counts are (counts.py).
"""

from __future__ import annotations

import http.client
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from support.asks import WRITERS, Ask, user
from support.broken_replies import ANSWER, Seen, wire_of
from support.counts import CountedGateway, Counts
from support.dialects import CLIENT_KEY, PATHS
from support.gateway import provider
from support.pairs import APIS, asks_usage, check_error_body
from support.raw_upstream import Asked, RawUpstream, Step
from support.streams import Api, Json
from support.until import until
from support.validators import check

ASK = Ask((user("How is it?"),))
AT_ONCE = 32
"""Exchanges that run at the same time."""
WELL = "well"
IS_URLLIB3 = os.environ.get("WSGI_GATEWAY_TRANSPORT") == "urllib3"


class Told(NamedTuple):
    """What a client got."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Exchange(NamedTuple):
    """One request of a client of ``client_api``; ``provider`` is the name without its API."""

    client_api: Api
    upstream_api: Api
    stream: bool
    provider: str
    model: str

    def __str__(self) -> str:
        kind = "stream" if self.stream else "plain"
        return f"{self.client_api} -> {self.upstream_api}, {kind}: {self.provider}, {self.model}"


class Expected(NamedTuple):
    """What the client of an exchange must see, with which status."""

    status: int
    seen: str


def entry(url: str, name: str, api: Api, **more: Any) -> Json:
    """A config entry: any model of it is asked for as `<name>-<api>/<model>`."""
    own = {"name": f"{name}-{api}", "model": f"{name}-{api}/*"}
    return provider(url, api, **own, **more)


def entries(url: str, name: str, **more: Any) -> list[Json]:
    """One for each API."""
    return [entry(url, name, api, **more) for api in APIS]


@dataclass
class Scripts:
    """A provider's: the steps that answer a request, by the model's name. A model without any is well."""

    by_model: dict[str, Callable[[Asked, Api], Iterable[Step]]] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Iterable[Step]:
        body = asked.json
        path = asked.head.split(b" ", 2)[1].decode()
        (api,) = [api for api, ours in PATHS.items() if path.startswith(ours)]
        script = self.by_model.get(body["model"])
        if script is not None:
            return script(asked, api)
        return [wire_of(api, stream=body.get("stream") is True).whole]


class Chaos:
    """``upstreams`` are all of the gateway's."""

    def __init__(self, gateway: CountedGateway, upstreams: Sequence[RawUpstream]) -> None:
        self.gateway = gateway
        self.upstreams = upstreams
        self._threads = ThreadPoolExecutor(AT_ONCE)

    def ask(self, exchange: Exchange, ask: Ask = ASK, **headers: str) -> Told:
        """What its client is told, on a connection of its own, which then serves another request."""
        connection = self.connect()
        try:
            told = self.ask_on(connection, exchange, ask, **headers)
            again = self.ask_on(connection, exchange._replace(provider="main", model=WELL))
            assert seen(exchange, again) == "finished", f"{exchange}: then {again}"
        finally:
            connection.close()
        return told

    def connect(self) -> http.client.HTTPConnection:
        """A client's connection."""
        port = self.gateway.process.port
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask_on(
        self,
        connection: http.client.HTTPConnection,
        exchange: Exchange,
        ask: Ask = ASK,
        **headers: str,
    ) -> Told:
        """The same on that connection, and nothing after it."""
        self._send(connection, exchange, ask, **headers)
        reply = connection.getresponse()
        return Told(reply.status, reply.headers, reply.read())

    def leave(self, exchange: Exchange) -> None:
        """Asks, and leaves as soon as the upstream was asked."""
        before = sum(len(upstream.asked) for upstream in self.upstreams)
        connection = self.connect()
        self._send(connection, exchange, ASK)
        until(lambda: sum(len(upstream.asked) for upstream in self.upstreams) > before)
        connection.close()

    def _send(
        self, connection: http.client.HTTPConnection, exchange: Exchange, ask: Ask, **headers: str
    ) -> None:
        client_api, upstream_api, stream, name, model = exchange
        body = {"model": f"{name}-{upstream_api}/{model}", **WRITERS[client_api](ask)}
        if stream:
            body |= {"stream": True, **asks_usage(client_api)}
        given = {"content-type": "application/json", "authorization": f"Bearer {CLIENT_KEY}"}
        connection.request("POST", PATHS[client_api], json.dumps(body), {**given, **headers})

    def ask_all(self, exchanges: Iterable[Exchange], ask: Ask = ASK) -> list[Told]:
        """What the client of each is told, many at once."""
        return list(self._threads.map(partial(self.ask, ask=ask), exchanges))

    def ask_all_once(self, exchanges: Iterable[Exchange]) -> list[Told]:
        """The same on connections that serve nothing else."""

        def ask(exchange: Exchange) -> Told:
            with closing(self.connect()) as connection:
                return self.ask_on(connection, exchange)

        return list(self._threads.map(ask, exchanges))

    def check_all(self, expected: Iterable[tuple[Exchange, Expected]], ask: Ask = ASK) -> None:
        """Asks all of them, many at once; each must be told what is expected."""
        given = list(expected)
        told = self.ask_all((exchange for exchange, _ in given), ask)
        wrong = [
            f"{exchange}: {wrong_in} in {answer.status} {answer.body[-300:]!r}"
            for (exchange, wanted), answer in zip(given, told, strict=True)
            if (wrong_in := offence(exchange, wanted, answer))
        ]
        assert not wrong, "\n".join(wrong)

    @contextmanager
    def leaving_nothing(self, asking: Exchange | None = None) -> Iterator[None]:
        """What runs meanwhile leaves no greenlet, no watcher and no socket, if need be while other requests come."""
        until(self._is_at_rest)
        before = _rest(self.gateway.counts())
        yield
        if asking is None:
            until(self._is_at_rest)
        else:
            until(lambda: bool(self.ask(asking)) and self._is_at_rest())
        until(lambda: _rest(self.gateway.counts()) == before)

    def _is_at_rest(self) -> bool:
        """All that is left are upstream connections on which another request could be sent at once.

        urllib3 also keeps those that their upstream has closed, and looks only when it takes one out again.
        """
        if self.gateway.counts().in_flight:
            return False
        ours = {upstream.port: upstream for upstream in self.upstreams}
        left = self.gateway.connections()
        if IS_URLLIB3:
            per_upstream = Counter(it.peer for it in left)
            return (
                per_upstream.keys() <= ours.keys()
                and max(per_upstream.values(), default=0) <= AT_ONCE
            )
        return all(it.peer in ours and it.port in ours[it.peer].at_rest for it in left)

    def stop(self) -> None:
        self._threads.shutdown()


def _rest(counts: Counts) -> tuple[int, int]:
    return counts.greenlets, counts.watchers


def offence(exchange: Exchange, expected: Expected, told: Told) -> str | None:
    try:
        got = Expected(told.status, seen(exchange, told))
    except (AssertionError, ValueError, LookupError, TypeError) as judged:
        return f"{judged!r}"
    return None if got == expected else f"{got}, not {expected}"


def seen(exchange: Exchange, told: Told) -> Seen | str:
    """What a client of its API made of it; something else if it is none of these three."""
    api = exchange.client_api
    if told.status >= 400:
        check_error_body(api, told.body)
        return "error"
    if told.status != 200:
        return f"status {told.status}"
    if exchange.stream:
        ending = check(api, told.body, usage_asked=True)
        if ending == "finished" and ANSWER.text.split()[-1].encode() not in told.body:
            return "finished without its text"
        return ending
    json.loads(told.body)
    return "finished" if ANSWER.text.encode() in told.body else "finished without its text"
