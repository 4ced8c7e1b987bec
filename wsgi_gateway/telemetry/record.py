"""What is known of one request when it is over: the one thing that metrics, access log and traces are made of.

Here: the facts, and what follows from them by arithmetic. Not here: how they are gathered (exchange/recording.py), and
what is made of them. No record has anything of what was said, or a whole key.
"""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct, field

from wsgi_gateway.config import Secret
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.telemetry.trace_context import Trace

Method = Literal[
    "reply",
    "count_tokens",
    "compaction",
    "preparation",
    "stored_response",
    "stored_conversation",
    "unknown",
]
"""What was asked for. preparation: a WebSocket's turn without output; the next two: what is stored, not a model;
unknown: a path or an HTTP method that the gateway does not have."""

Ending = Literal[
    "finished",
    "refused",
    "failed",
    "broke",
    "client_gone",
    "cancelled",
    "cut",
]
"""finished: the client was told the whole reply. refused: an error, and no upstream was asked. failed: an error, after
one was asked. broke: an error in a stream that had begun. client_gone: the client left. cancelled: a background
response was. cut: the gateway stopped, and did not wait for it."""


class Attempt(Struct, kw_only=True, gc=False):
    """One deployment that was asked. Times are ``monotonic`` seconds; None for what did not come to pass."""

    provider: str
    """The name of the config's entry."""
    kind: str
    """Its row of the table of known providers."""
    model: str
    """The id that the upstream was asked for."""
    api: str
    began: float
    sent: float | None = None
    answered: float | None = None
    """When the head of its reply came."""
    begun: float | None = None
    """When its first good event came, or all of a plain reply."""
    ended: float | None = None
    status: int | None = None
    span_id: str | None = None
    """Its span's, where the request has a ``trace``."""
    failure: str | None = None
    """A class of ``routing.failures``, or "broken stream"; None for one that went well, as far as anybody knows."""


class Said(Struct):
    """How the bodies of a request and of its reply begin: ``limit`` bytes of each. ``keys`` came with the request."""

    limit: int
    keys: list[Secret]
    asked: bytes
    asked_size: int
    answered: bytearray = field(default_factory=bytearray)
    answered_size: int = 0

    def hear(self, data: bytes) -> None:
        """The next piece of the reply."""
        self.answered_size += len(data)
        room = self.limit - len(self.answered)
        if room > 0:
            self.answered += data[:room]


class Record(Struct, kw_only=True, gc=False):
    """One request's. Times are ``monotonic`` seconds, but for ``time``; None for what nobody knows, or did not happen.

    ``provider``, ``kind``, ``model`` and ``upstream_api`` are those of the deployment that was asked last.
    """

    api: str
    """What the client speaks."""
    method: Method
    time: float
    """When it came: seconds since 1970."""
    started: float
    id: str = ""
    """The gateway's own, ``x-gateway-request-id``."""
    upstream_id: str | None = None
    """What the upstream calls the request."""
    traceparent: str | None = None
    tracestate: str | None = None
    """The client's, unchecked."""
    trace: Trace | None = None
    """Where it stands in a trace, where there are traces."""
    client_address: str = ""
    """The address of whoever has the connection; "" for a Unix socket."""
    forwarded_for: str | None = None
    """The client's ``x-forwarded-for``, unchecked."""
    client_id: str | None = None
    key_prefix: str | None = None
    """How the client's key begins, as far as it is ever shown."""
    asked: str | None = None
    """What the client calls the model, of any length."""
    provider: str | None = None
    kind: str | None = None
    model: str | None = None
    upstream_api: str | None = None
    response_model: str | None = None
    """What the upstream calls the model that answered."""
    streams: bool = False
    background: bool = False
    websocket: bool = False
    status: int = 0
    """What the client got; 499 where it left before there was one, 0 where the gateway stopped before."""
    ending: Ending = "finished"
    error: str | None = None
    """The kind (``protocols.errors``) of what the client was told in place of a reply, or of its end."""
    limit: str | None = None
    """Which of the client's limits refused it: requests, tokens, budget, concurrency."""
    attempts: list[Attempt] = []
    usage: Usage | None = None
    """What the upstream told of the reply's."""
    earlier: list[tuple[str, str, Usage]] = []
    """What else was used on the way, as by a compaction: kind, model, usage."""
    cost: int | None = None
    """Nanodollars, if anybody wants to know, and the price is known."""
    approximated: int = 0
    dropped: int = 0
    """What the translation lost (``protocols.loss``)."""
    waited: float = 0.0
    """Seconds of waiting for upstreams, and between attempts, until the answer began."""
    begun: float | None = None
    """When there was an answer: a stream's first good event, else all of it, which may be an error."""
    ended: float = 0.0
    said: Said | None = None
    """Where somebody wants to have the bodies."""

    @property
    def duration(self) -> float:
        """Seconds, from the request's body to the client's last byte."""
        return self.ended - self.started

    @property
    def own_time(self) -> float:
        """Seconds that the gateway itself took until the answer began."""
        return max((self.begun or self.ended) - self.started - self.waited, 0.0)

    @property
    def upstream_status(self) -> int | None:
        """What the upstream that was asked last answered with."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def losses(self) -> int:
        return self.approximated + self.dropped


Observer = Callable[[Record], None]
"""Gets each record once, when its request is over and the client has its bytes; the record stays as it is. Called
between others' bytes: what takes long, or may block, belongs into a queue. One that has ``begin_trace`` says where a
request stands in a trace, from its two headers; ``body_limit`` is how many bytes of each body it wants to have."""
