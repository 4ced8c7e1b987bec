"""What an exchange works on: a client's request, the call that it becomes once it is routed, the answer."""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Raw, Struct, field
from msgspec.structs import replace

from wsgi_gateway.access import Permit
from wsgi_gateway.client_watch import ClientWatch, NoWatch
from wsgi_gateway.config import Provider
from wsgi_gateway.exchange.keeping import Keeping
from wsgi_gateway.protocols.capabilities import capabilities_of
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.header_value import header_value
from wsgi_gateway.protocols.long_history import opened
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS, Protocol
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.routing import Pool, choose_api
from wsgi_gateway.state import ConnectionState, Turn, is_stateless

if TYPE_CHECKING:
    from wsgi_gateway.exchange.recording import Recording

STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}
JSON_HEADERS = {"content-type": "application/json", "x-content-type-options": "nosniff"}
"""nosniff: text of a client's may be in a reply, and no browser may take it for a page."""


class Request(Struct, kw_only=True):
    """What a view hands over: the body's bytes, the headers, the query, and a watch on the client.

    ``headers`` are by names in lower case. ``query`` has the first value of each name, ``query_string`` all as they
    came, where an upstream may be asked with them. ``connection`` is what is kept for a WebSocket's turns alone.
    ``peer`` is the address of whoever has the connection, if it has one.
    """

    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str] = {}
    query_string: str = ""
    client: ClientWatch | NoWatch = field(default_factory=NoWatch)
    connection: ConnectionState | None = None
    peer: str = ""

    def __repr__(self) -> str:
        """Without the client's key, and its words."""
        return f"Request({len(self.body)} bytes, headers: {', '.join(self.headers)})"


class Answer(Struct):
    """What the client gets. A stream's ``body`` yields bytes; its ``close`` closes the upstream too."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterable[bytes]
    on_told: Callable[[], None] | None = None
    """Called by the server once the client has a body of bytes, or could not be given it."""


class Progress(Struct):
    """How far a request has come: since when, after how many attempts. The copies of a call have it in common."""

    started: float = field(default_factory=monotonic)
    attempts: int = 1
    was_sent: bool = False
    """Whether this attempt has reached its upstream."""
    deadline: float | None = None
    """When the answer must have begun, if it is to be of use."""
    compaction: str | None = None
    """What stands for the history since an attempt had it summarized, whichever model is asked next."""


class Call(Struct, kw_only=True):
    """One exchange under way: who speaks what to whom, and what to tell the client in headers.

    ``provider`` is one of ``pool``, or of those that stand in for it. Without a pool there is nobody else to ask.
    ``fields`` are those of the request's body, which it is as a whole too; of a long one the history is still JSON.
    """

    request: Request
    client: Protocol
    upstream: Protocol
    provider: Provider
    model: str
    fields: Json
    pool: Pool | None = None
    progress: Progress = field(default_factory=Progress)
    headers: dict[str, str] = field(default_factory=dict)
    turn: Turn | None = None
    permit: Permit | None = None
    """What the client is let in with; None where nothing is counted."""
    recording: "Recording | None" = None
    """None where nobody observes."""

    def __repr__(self) -> str:
        """Without what the client has said."""
        return f"Call({self.client.name} to {self.provider.name}: {self.model!r})"

    def aim(self, provider: Provider, model: str) -> None:
        """Begin anew, at another deployment."""
        self.provider, self.model = provider, model
        self.upstream = PROTOCOLS[choose_api(provider, self.client.name)]
        self.headers = {}
        self.turn = None
        self.progress.was_sent = False

    def beside(self, client: ClientWatch | NoWatch) -> "Call":
        """A copy for an attempt beside others: nothing that it learns is known here, until it is taken over."""
        return replace(
            self,
            request=replace(self.request, client=client),
            progress=replace(self.progress, was_sent=False),
            headers={},
            turn=None,
            permit=self.permit and self.permit.beside(),
            recording=self.recording and self.recording.beside(),
        )

    def take_over(self, copy: "Call") -> None:
        """What such a copy has come to is this call's now."""
        self.provider, self.model, self.upstream = copy.provider, copy.model, copy.upstream
        self.headers, self.turn = copy.headers, copy.turn
        self.progress.was_sent = copy.progress.was_sent
        self.progress.compaction = copy.progress.compaction
        copy.request.body = b""
        if self.permit is not None and copy.permit is not None:
            self.permit.take_over(copy.permit)
        if self.recording is not None and copy.recording is not None:
            self.recording.take_over(copy.recording)

    def who_answered(self) -> dict[str, str]:
        """Headers that say who was asked last, and how many were."""
        return {
            "x-gateway-provider": header_value(self.provider.name),
            "x-gateway-model": header_value(self.model),
            "x-gateway-attempts": str(self.progress.attempts),
        }

    @property
    def same_api(self) -> bool:
        return self.client is self.upstream

    @property
    def body(self) -> Json:
        """The request, read whole. Not to be changed."""
        self.fields = opened(self.fields, self.client.history)
        return self.fields

    @property
    def is_long(self) -> bool:
        """Whether its history is still JSON."""
        return isinstance(self.fields.get(self.client.history), Raw)

    @property
    def is_alone(self) -> bool:
        """Whether a Responses client's request neither needs what is kept nor leaves anything."""
        return self.request.connection is None and is_stateless(self.fields)

    @property
    def asked(self) -> str | None:
        """What the client calls the model; None if it leaves the choice to the config."""
        return self.fields.get("model")

    @property
    def alias(self) -> str | None:
        """What a Messages client calls the model, where the upstream calls it otherwise."""
        asked = self.asked
        return asked if asked != self.model and self.client.name == "messages" else None

    @property
    def streams(self) -> bool:
        return self.fields.get("stream") is True

    def translation(self, loss: Loss) -> Translation:
        """What the steps of its translation share."""
        return Translation(
            model=self.model,
            origin=self.provider.name,
            capabilities=capabilities_of(self.provider.kind, self.model),
            loss=loss,
        )

    def keeping(self, loss: Loss) -> Keeping:
        """What keeps its reply."""
        return Keeping(self.turn, self.client, loss, tells=self.provider.on_loss != "ignore")

    def before_another(self) -> "Call":
        """For an exchange with its upstream after which another may follow: the client stays watched."""
        return replace(self, request=replace(self.request, client=self.request.client.shared()))

    def warn(self, loss: Loss) -> None:
        """Tell the client what was lost so far, unless the config says that nobody wants to know."""
        if self.recording is not None:
            self.recording.loses(loss)
        warning = loss.header()
        if warning and self.provider.on_loss != "ignore":
            self.headers["x-gateway-warning"] = warning


def json_answer(body: Json) -> Answer:
    """A reply that the gateway itself gives."""
    return Answer(200, JSON_HEADERS, encode(body))
