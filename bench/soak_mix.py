"""What the soak asks, and what should come of it: all that clients do, good and bad, drawn by fixed dice.

Here: the gateway's config for it, and one function per kind of request. Not here: how often, and what is measured
meanwhile (soak.py).
"""

import json
import random
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from bench.asks import ask
from bench.cases import APIS, PATHS, Api, Case
from bench.replies import ENDS, LAST_WORD
from bench.soak_client import Answer, Client
from bench.tool_replies import ARGUMENTS, CALLS, NAME

Json = dict[str, Any]

KEY, POOR_KEY = "sk-soak-0123456789abcdef", "sk-poor-0123456789abcdef"
KEPT = 1000
"""Responses that are kept, and items of theirs: few, so that what is bounded is full before half of the run."""
_LAST_WORD = LAST_WORD.strip().encode()


def more_answers() -> dict[str, bytes]:
    """What the canned upstream serves beside its own: calls of tools."""
    files = {}
    for api, kind in CALLS.items():
        path = PATHS[api].lstrip("/")
        plain, streamed = kind(f"{api}-json/tools"), kind(f"{api}-tools")
        files[f"json/tools/{path}"] = json.dumps(plain.full("".join(ARGUMENTS))).encode()
        files[f"tools/{path}"] = streamed.stream(ARGUMENTS)
    return files


def config_of(upstream: int, silent: int, storage: Json) -> Json:
    """Models for all kinds, before an upstream at one port, and one that never answers at another."""
    roots = {"json": "json", "100": "100", "json-tools": "json/tools", "tools": "tools"}
    roots |= {"slow": "slow/100", "busy": "busy"}
    entries = [_entry(api, size, upstream, root) for api in APIS for size, root in roots.items()]
    entries += [_entry(api, "silent", silent, "never") for api in APIS]
    aliases: Json = {}
    for api in APIS:
        for size in ("json", "100"):
            first = {"target": f"{api}-busy"}
            second = {"target": f"{api}-{size}", "priority": 2}
            aliases[f"{api}-falling-{size}"] = {"deployments": [first, second]}
            late = {"deployments": [{"target": f"{api}-silent"}, second], "hedge": {"after": "5ms"}}
            aliases[f"{api}-late-{size}"] = late
    free: Json = {"requests": "1000000000/h", "tokens": "1000000000000/h", "concurrency": 100_000}
    never = 1_000_000
    return {
        "model_providers": entries,
        "model_aliases": aliases,
        "retries": {"max_retries": 1, "base_delay": "1ms", "budget": 1},
        "health": {"consecutive_failures": never, "min_requests": never},
        "state_storage": {**storage, "max_items": KEPT},
        "access": {
            "keys": [
                {"id": "soak", "key": KEY, **free},
                {"id": "poor", "key": POOR_KEY, "requests": "1/h"},
            ]
        },
    }


def _entry(api: Api, size: str, port: int, root: str) -> Json:
    return {
        "model": f"{api}-{size}/{api}-{size}",
        "name": f"{api}-{size}",
        "base_url": f"http://127.0.0.1:{port}/{root}/v1",
        "access_key": "sk-canned",
        "upstream_apis": [api],
    }


def wire(method: str, path: str, body: bytes = b"", key: str = KEY) -> bytes:
    """A request as it is sent."""
    head = f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Mix:
    """Draws requests. ``wrong`` has what came and should not have, the first few of them."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._ids: list[str] = []
        self._bodies: dict[tuple[Api, str, bool, int], bytes] = {}
        self.wrong: list[str] = []
        self.failures = 0
        self.counts: dict[str, int] = dict.fromkeys(self._KINDS, 0)
        self._names, self._weights = zip(*self._KINDS.items(), strict=True)

    _KINDS: ClassVar[dict[str, int]] = {
        "plain": 30,
        "stream": 20,
        "tools": 10,
        "fallback": 8,
        "hedged": 4,
        "stored": 8,
        "continued": 4,
        "retrieved": 4,
        "failing": 3,
        "invalid": 3,
        "leaving": 4,
        "limited": 1,
        "metrics": 1,
    }
    """Name and weight."""

    async def next(self, client: Client) -> None:
        """One request of any kind, and its judgement."""
        (name,) = self._dice.choices(self._names, self._weights)
        self.counts[name] += 1
        do: Callable[[Client], Awaitable[None]] = getattr(self, f"_{name}")
        try:
            await do(client)
        except (OSError, EOFError, ValueError) as error:
            client.close()
            self._note(f"{name}: {error!r}")

    def _note(self, what: str) -> None:
        self.failures += 1
        if len(self.wrong) < 20:
            self.wrong.append(what)

    def _expect(self, answer: Answer, status: int, *marks: bytes) -> None:
        missing = [mark for mark in marks if mark not in answer.body and mark not in answer.head]
        if answer.status != status or missing:
            raise ValueError(f"{answer.status} without {missing}: {answer.body[-300:]!r}")

    def _pair(self) -> tuple[Api, Api]:
        return self._dice.choice(APIS), self._dice.choice(APIS)

    def _request(self, client: Api, model: str, *, stream: bool, history: int = 1) -> bytes:
        """Bodies are made once: this process is not what is measured."""
        known = client, model, stream, history
        if known not in self._bodies:
            case = Case(client, "chat_completions", 100 if stream else 0, history)
            body = json.loads(ask(case)) | {"model": model}
            self._bodies[known] = wire("POST", PATHS[client], json.dumps(body).encode())
        return self._bodies[known]

    async def _ask(self, client: Client, api: Api, model: str, *, stream: bool) -> Answer:
        answer = await client.ask(self._request(api, model, stream=stream))
        self._expect(answer, 200, _LAST_WORD, *([ENDS[api]] if stream else []))
        return answer

    async def _plain(self, client: Client) -> None:
        ours, theirs = self._pair()
        await self._ask(client, ours, f"{theirs}-json", stream=False)

    async def _stream(self, client: Client) -> None:
        ours, theirs = self._pair()
        await self._ask(client, ours, f"{theirs}-100", stream=True)

    async def _tools(self, client: Client) -> None:
        ours, theirs = self._pair()
        stream = self._dice.random() < 0.5
        model = f"{theirs}-tools" if stream else f"{theirs}-json-tools"
        answer = await client.ask(self._request(ours, model, stream=stream, history=10))
        self._expect(answer, 200, NAME.encode(), *([ENDS[ours]] if stream else []))

    async def _fallback(self, client: Client) -> None:
        await self._two_attempts(client, "falling")

    async def _hedged(self, client: Client) -> None:
        await self._two_attempts(client, "late")

    async def _two_attempts(self, client: Client, alias: str) -> None:
        ours, theirs = self._pair()
        stream = self._dice.random() < 0.5
        model = f"{theirs}-{alias}-{'100' if stream else 'json'}"
        answer = await self._ask(client, ours, model, stream=stream)
        self._expect(answer, 200, b"x-gateway-attempts: 2")

    async def _stored(self, client: Client) -> None:
        await self._keep(client, {})

    async def _continued(self, client: Client) -> None:
        await self._keep(client, {"previous_response_id": self._ids[-1]} if self._ids else {})

    async def _keep(self, client: Client, more: Json) -> None:
        api = self._dice.choice(("chat_completions", "messages"))
        body = {"model": f"{api}-json", "input": "Why is the sky blue?", **more}
        answer = await client.ask(wire("POST", PATHS["responses"], json.dumps(body).encode()))
        self._expect(answer, 200, _LAST_WORD)
        self._ids = [*self._ids[-20:], json.loads(answer.body)["id"]]

    async def _retrieved(self, client: Client) -> None:
        if not self._ids:
            return
        path = f"{PATHS['responses']}/{self._dice.choice(self._ids[-10:])}"
        self._expect(await client.ask(wire("GET", path)), 200, _LAST_WORD)
        self._expect(await client.ask(wire("GET", f"{path}/input_items")), 200, b"the sky blue")

    async def _failing(self, client: Client) -> None:
        ours, theirs = self._pair()
        request = self._request(ours, f"{theirs}-busy", stream=self._dice.random() < 0.5)
        busy = 529 if ours == "messages" else 503
        self._expect(await client.ask(request), busy, b'"error"')

    async def _invalid(self, client: Client) -> None:
        path = PATHS[self._dice.choice(APIS)]
        match self._dice.randrange(3):
            case 0:
                self._expect(await client.ask(wire("POST", path, b'{"model": ')), 400, b'"error"')
            case 1:
                body = b'{"model": "no-such-model"}'
                self._expect(await client.ask(wire("POST", path, body)), 404, b'"error"')
            case _:
                request = wire("POST", path, b'{"model": "x"}', key="sk-wrong")
                self._expect(await client.ask(request), 401, b'"error"')

    async def _leaving(self, client: Client) -> None:
        ours, theirs = self._pair()
        match self._dice.randrange(3):
            case 0:  # in the middle of a stream
                await client.leave(self._request(ours, f"{theirs}-slow", stream=True), 3, 5.0)
            case 1:  # while nobody has answered
                stream = self._dice.random() < 0.5
                request = self._request(ours, f"{theirs}-silent", stream=stream)
                await client.leave(request, 1, 0.05)
            case _:  # in the middle of its own request
                request = self._request(ours, f"{theirs}-json", stream=False)
                await client.leave(request[: len(request) // 2], 1, 0.02)

    async def _limited(self, client: Client) -> None:
        body = b'{"model": "chat_completions-json", "messages": []}'
        answer = await client.ask(wire("POST", PATHS["chat_completions"], body, key=POOR_KEY))
        if answer.status != 200:  # the first one of the hour
            self._expect(answer, 429, b'"error"')

    async def _metrics(self, client: Client) -> None:
        self._expect(await client.ask(wire("GET", "/metrics")), 200, b"in_flight")
