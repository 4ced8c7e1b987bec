"""The config as the gateway uses it: every name resolved, every default filled in, every URL complete.

The shape of the file is in schema.py; how one becomes the other is in build.py.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from wsgi_gateway.config.problems import Problem
from wsgi_gateway.config.secret import Secret

Api = Literal["chat_completions", "messages", "responses"]
APIS: tuple[Api, ...] = ("chat_completions", "messages", "responses")
OnLoss = Literal["warn", "reject", "ignore"]
Storage = Literal["memory", "sqlite", "postgres", "redis"]


class Listener(Struct, frozen=True, kw_only=True):
    """Where clients connect."""

    name: str = "model_listener"
    address: str = "127.0.0.1"
    port: int = 12000
    timeout: float | None = None
    """Seconds that an upstream may take; None for the gateway's own limits."""


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
    on_loss: OnLoss = "warn"
    """What becomes of a request that cannot be translated exactly."""
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
    """Alias -> the name it stands for."""
    state_storage: StateStorage = StateStorage()
    warnings: tuple[Problem, ...] = ()
    path: str | None = None
