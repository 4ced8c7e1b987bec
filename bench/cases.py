"""What is asked of a gateway in one measurement: which API, which upstream, how much.

Here: the three APIs and the cases, as data. Not here: the bodies (asks.py, replies.py) and how often they are sent.
"""

from dataclasses import dataclass
from itertools import permutations
from typing import Literal

Api = Literal["chat_completions", "messages", "responses"]

APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")
PATHS: dict[Api, str] = {
    "chat_completions": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}
SHORT: dict[Api, str] = {
    "chat_completions": "Chat",
    "messages": "Messages",
    "responses": "Responses",
}

EVENTS = (100, 300, 1000, 3000)
"""Text events of the canned streams; the few that open and close a stream come on top."""


@dataclass(frozen=True)
class Case:
    """A request of a `client` API that is answered by an `upstream` API: a stream of `events`, or JSON if 0."""

    client: Api
    upstream: Api
    events: int = 0
    history: int = 1

    @property
    def model(self) -> str:
        """The model's name, which tells the canned upstream's answer: `chat_completions-100`, `messages-json`."""
        return f"{self.upstream}-{size_name(self.events)}"

    @property
    def translated(self) -> bool:
        return self.client != self.upstream

    def __str__(self) -> str:
        route = SHORT[self.client]
        if self.translated:
            route += f" client, {SHORT[self.upstream]} upstream"
        what = f"{self.events}-event stream" if self.events else "JSON"
        return f"{what}, {route}" + (f", {self.history} messages" if self.history > 1 else "")


def size_name(events: int) -> str:
    """The part of the upstream's path, and of the model's name, that chooses the answer."""
    return str(events) if events else "json"


PAIRS: tuple[tuple[Api, Api], ...] = tuple(permutations(APIS, 2))
"""Client and upstream of the six translations."""

HISTORIES = (1, 10, 100, 1000)
"""Messages of a conversation; the longest are a megabyte."""

JSON = Case("chat_completions", "chat_completions")
STREAM = Case("chat_completions", "chat_completions", 100)
PASSTHROUGH_STREAMS = tuple(Case(api, api, 100) for api in APIS)
TRANSLATED_STREAMS = tuple(Case(client, upstream, 100) for client, upstream in PAIRS)
MESSAGES_JSON = Case("messages", "chat_completions")
MESSAGES_STREAM = Case("messages", "chat_completions", 100)
TRANSLATED_JSON = tuple(Case(client, upstream) for client, upstream in PAIRS)
LONG_REQUESTS = tuple(Case(client, upstream, 0, HISTORIES[-1]) for client, upstream in PAIRS)
