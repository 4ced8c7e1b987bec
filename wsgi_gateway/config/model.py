"""The config as the gateway uses it: every name resolved, every default filled in, every URL complete.

The shape of the file is in schema.py; how one becomes the other is in build.py.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from wsgi_gateway.config.problems import Problem
from wsgi_gateway.config.secret import Secret

Api = Literal["chat_completions", "messages", "responses"]
APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")
OnLoss = Literal["warn", "reject", "ignore"]
Storage = Literal["memory", "sqlite", "postgres", "redis"]
UnknownIds = Literal["ask", "refuse"]
OnLimiterFailure = Literal["open", "closed"]
Balance = Literal["least_in_flight", "lowest_latency", "weighted"]
Failure = Literal[
    "unreachable",
    "timeout",
    "rate_limit",
    "server_error",
    "auth",
    "quota",
    "model_not_found",
    "context_window",
    "content_policy",
]
"""What may go wrong at a deployment that another model might do better."""
FALLBACK_ON: tuple[Failure, ...] = (
    "unreachable",
    "timeout",
    "rate_limit",
    "server_error",
    "auth",
    "quota",
)


class Listener(Struct, frozen=True, kw_only=True):
    """Where clients connect."""

    name: str = "model_listener"
    address: str = "127.0.0.1"
    port: int = 12000
    timeout: float | None = None
    """Seconds that an upstream may be silent; None for the gateway's own limits, or for none."""
    is_unlimited: bool = False
    """Which of both None means."""
    max_retries: int | None = None


class Timeouts(Struct, frozen=True, kw_only=True):
    """How long an upstream may take, in seconds; None for no limit."""

    connect: float | None = 10.0
    first_event: float | None = 600.0
    """Of a stream: from the request until the first good event."""
    idle: float | None = 600.0
    """Of a stream: between what arrives."""
    total: float | None = None
    """Of a request, all its attempts together."""
    plain: float | None = 600.0
    """Of a plain reply, until it has begun and between what arrives: all that is known of it meanwhile is nothing."""


class Retries(Struct, frozen=True, kw_only=True):
    """How often, and how soon, a request is sent again."""

    max_retries: int = 2
    """Of one model's deployments together; the first attempt is not counted."""
    base_delay: float = 0.25
    max_delay: float = 5.0
    budget: float = 0.2
    """Retries per request, over all requests for a model of the last seconds; a few are always allowed."""


class HealthRules(Struct, frozen=True, kw_only=True):
    """When a deployment is left alone, and for how long. Times are seconds."""

    consecutive_failures: int = 5
    error_rate: float = 0.5
    min_requests: int = 20
    """Fewer of them in ``window`` say nothing about the rate."""
    window: float = 30.0
    ejection_time: float = 10.0
    """The first time; it doubles each time."""
    max_ejection_time: float = 300.0


class KeepaliveRules(Struct, frozen=True, kw_only=True):
    """What a client gets while its upstream is silent."""

    interval: float | None = 15.0
    """Seconds; None for never."""
    before_first_event: bool = False


class BackgroundRules(Struct, frozen=True, kw_only=True):
    """Responses that are made without their client waiting."""

    max_running: int = 256
    """In each worker at once."""


class Overload(Struct, frozen=True, kw_only=True):
    """How much one worker takes on, and what one client may hold of it. Times are seconds, None for no limit."""

    max_in_flight: int | None = 3000
    """Requests at a time; None for no bound. Less than gunicorn's connections, so that health checks get one."""
    max_queued: int = 100
    queue_timeout: float = 5.0
    max_body_size: int = 32 * 1024 * 1024
    """Bytes of a request's body, or of a WebSocket's message."""
    max_reply_size: int = 64 * 1024 * 1024
    """Bytes of an upstream's reply that is read whole, and of one event of a stream."""
    header_timeout: float | None = 20.0
    body_timeout: float | None = 30.0
    """A body has as long, and a second more for each ``min_body_rate`` bytes that came."""
    min_body_rate: int = 8 * 1024
    send_timeout: float | None = 60.0
    """As long a client may take nothing of what waits for it."""


class Fallback(Struct, frozen=True):
    """The models that answer in place of another, in this order, and for which of its failures they do."""

    models: tuple[str, ...] = ()
    on: frozenset[Failure] = frozenset(FALLBACK_ON)


class Target(Struct, frozen=True):
    """One deployment of a group, by a name that clients could use too."""

    name: str
    weight: int = 1
    priority: int = 1
    """Those with the lowest number are asked while one of them is well."""


class Hedge(Struct, frozen=True, kw_only=True):
    """When a request that nobody has answered yet is also sent to another deployment of its model."""

    after: float | None = None
    """Seconds; None: as many as ``percentile`` of the requests before it waited."""
    percentile: int = 95
    max: int = 1
    """More attempts beside the first, of one request."""


class Group(Struct, frozen=True, kw_only=True):
    """A model with several deployments, or with fallbacks of its own."""

    targets: tuple[Target, ...]
    balance: Balance = "least_in_flight"
    hedge: Hedge | None = None
    fallback: Fallback = Fallback()


class StateStorage(Struct, frozen=True, kw_only=True):
    """Where stored responses are kept."""

    type: Storage = "memory"
    address: Secret | None = None
    """PostgreSQL's connection string, or Redis's URL."""
    path: str | None = None
    """SQLite's file."""
    ttl: float = 30 * 86_400.0
    """Seconds after which what was stored is gone. OpenAI keeps responses for 30 days."""
    max_items: int = 50_000
    """Responses, and each item of their output; what is older goes first."""
    passthrough: bool = True
    """Also those of upstreams that store them themselves, so that their conversations can go on elsewhere."""
    unknown_ids: UnknownIds | None = None
    """What becomes of those that only an upstream may know, which would be asked with the gateway's key."""

    def is_same_place(self, other: "StateStorage") -> bool:
        """Whether what was stored by the one is found by the other."""
        return replace(self, passthrough=True) == replace(other, passthrough=True)


class Rate(Struct, frozen=True):
    """So much within any ``seconds``."""

    amount: int
    seconds: int


NANODOLLARS = 1_000_000_000
"""A US dollar, in the unit that budgets are counted in: a token may cost less than a millionth of a dollar."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one client may use; nothing is limited unless said."""

    requests: tuple[Rate, ...] = ()
    tokens: tuple[Rate, ...] = ()
    budget: tuple[Rate, ...] = ()
    """In nanodollars."""
    concurrency: int | None = None
    """Requests at a time, in each worker."""


class Client(Struct, frozen=True, kw_only=True):
    """Whom a key belongs to. Keys with the same ``id`` are one client's: it keeps its counters and its state."""

    id: str
    models: tuple[str, ...] = ("*",)
    """Globs of the models that it may use."""
    limits: Limits = Limits()


class ClientKey(Struct, frozen=True, kw_only=True):
    """A client's key that stands in the config."""

    client: Client
    key: Secret


class Access(Struct, frozen=True, kw_only=True):
    """Who may use the gateway, and where it is counted how much."""

    is_open: bool = False
    """Whether the config says that nobody needs a key."""
    keys: tuple[ClientKey, ...] = ()
    key_file: str | None = None
    """The absolute path of a file with hashed keys, which may not be there yet."""
    redis: Secret | None = None
    """The URL of the Redis that counts for several gateways; None where each worker counts for itself."""
    on_limiter_failure: OnLimiterFailure = "open"

    @property
    def needs_key(self) -> bool:
        return bool(self.keys or self.key_file)


class HeaderLimit(Struct, frozen=True, kw_only=True):
    """An entry of Plano's ``ratelimits``: the tokens of one model for requests with a header."""

    model: str
    header: str
    """In lower case."""
    value: str | None = None
    """None: each value has a limit of its own."""
    tokens: Rate


class Tls(Struct, frozen=True, kw_only=True, cache_hash=True):
    """Whom the gateway trusts at an upstream, and how it shows who it is. Paths are absolute, files PEM."""

    ca_file: str | None = None
    """Certificates of the authorities that are trusted, in place of the usual ones."""
    cert_file: str | None = None
    """The gateway's own certificate, with those between it and its authority's."""
    key_file: str | None = None
    """Its key; None if that is in ``cert_file``."""
    server_name: str | None = None
    """What the upstream's certificate must be for, and the name that is asked for; None for the URL's host."""
    marks: tuple[tuple[int, int, int], ...] = ()
    """By which the files are known from those that take their places (time of change, inode, size)."""


class AccessLog(Struct, frozen=True, kw_only=True):
    """A line for each request, and where it goes."""

    path: str | None = None
    """A file's absolute path; None for standard output."""
    max_body: int = 0
    """Bytes of each body that are kept."""


class Tracing(Struct, frozen=True, kw_only=True):
    """Traces, where OpenTelemetry's environment variables do not say it all: None leaves it to them."""

    endpoint: str | None = None
    """The URL that spans are POSTed to."""
    headers: Mapping[str, Secret] | None = None
    sampling_ratio: float | None = None


class Metrics(Struct, frozen=True, kw_only=True):
    """What is counted for Prometheus, and who may read it."""

    enabled: bool = True
    loopback_only: bool = False
    key: Secret | None = None
    """What has to be sent; None for nothing."""


class CostRules(Struct, frozen=True, kw_only=True):
    """Whether it is reckoned what requests cost, and which clients are told."""

    is_reckoned: bool = False
    is_always_told: bool = False
    """If not: to those that ask."""


class Provider(Struct, frozen=True, kw_only=True):
    """One entry of model_providers."""

    name: str
    """Unique: the entry's ``name``, else its ``provider/id``."""
    provider: str
    """The word before the first slash of the entry's ``model``."""
    kind: str
    """The row of the table of known providers that it follows; an unknown provider's own word if it follows none."""
    model: str
    """The id that the upstream sees; "*" for every id."""
    endpoints: Mapping[str, str]
    """API -> URL of its POST, in the order of upstream_apis. A wildcard's may contain ``{model}``."""
    auth: Mapping[str, tuple[str, str]]
    """API -> header name in lower case, and what precedes the key in it ("Bearer " or "")."""
    access_key: Secret | None = None
    passthrough_auth: bool = False
    headers: Mapping[str, str]
    http_host: str | None = None
    tls: Tls = Tls()
    on_loss: OnLoss = "warn"
    """What becomes of a request that cannot be translated exactly."""
    timeouts: Timeouts = Timeouts()
    fallback: Fallback = Fallback()
    default: bool = False
    """Answers requests that name no model. An only model is the default unasked."""

    @property
    def id(self) -> str:
        """``provider/model``, as in the file."""
        return f"{self.provider}/{self.model}"

    @property
    def wildcard(self) -> bool:
        return self.model == "*"


class Config(Struct, frozen=True, kw_only=True):
    """A checked config."""

    listeners: tuple[Listener, ...] = (Listener(),)
    """The first is served."""
    providers: tuple[Provider, ...]
    """In the file's order, which decides between two that answer to the same name."""
    aliases: Mapping[str, str] = {}
    """Alias -> the name it stands for: the first of its deployments'."""
    groups: Mapping[str, Group] = {}
    """Alias -> what there is beyond one target."""
    retries: Retries = Retries()
    health: HealthRules = HealthRules()
    keepalive: KeepaliveRules = KeepaliveRules()
    background: BackgroundRules = BackgroundRules()
    overload: Overload = Overload()
    state_storage: StateStorage = StateStorage()
    access: Access = Access()
    ratelimits: tuple[HeaderLimit, ...] = ()
    access_log: AccessLog | None = None
    tracing: Tracing | None = None
    metrics: Metrics = Metrics()
    cost: CostRules = CostRules()
    warnings: tuple[Problem, ...] = ()
    path: str | None = None

    @property
    def asks_unknown(self) -> bool:
        """Whether a request may go on from what an upstream alone knows: with several clients it may be another's."""
        chosen = self.state_storage.unknown_ids
        return chosen == "ask" if chosen else not self.access.needs_key
