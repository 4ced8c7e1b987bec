"""The config file as it is written: every key, its type and what it is for.

Documentation and the JSON Schema are made from these classes. Rules between keys are in build.py. Keys that only
Plano's model listener understands are ``NotServed``: a file that has them loads, and says so.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import Duration, Name, NotServed
from wsgi_gateway.config.model import Api, Balance, OnLimiterFailure, OnLoss, Storage, UnknownIds
from wsgi_gateway.config.overload_schema import OverloadEntry
from wsgi_gateway.config.resilience_schema import (
    BackgroundEntry,
    DeploymentEntry,
    FallbackOn,
    Fallbacks,
    HealthEntry,
    HedgeEntry,
    KeepaliveEntry,
    RetriesEntry,
    TimeoutsEntry,
)
from wsgi_gateway.config.secret import Secret
from wsgi_gateway.config.telemetry_schema import AccessLogEntry, Cost, MetricsEntry, TracingEntry
from wsgi_gateway.config.tls_schema import TlsEntry

VERSIONS = ("0.1", "0.1.0", "0.1-beta", "0.2", "0.2.0", "0.3", "0.3.0", "0.4", "0.4.0")
"""Those of Plano's configs that have a model listener, each also with a leading v."""

WITHOUT: Mapping[str, str] = {
    "agents": "agents are not called",
    "endpoints": "no other service is called",
    "exporters": "traces go to one OTLP endpoint",
    "filters": "requests and replies are not filtered",
    "input_filters": "requests are not filtered",
    "mode": "every listener is a model listener",
    "model_metrics_sources": "models are not ranked by cost or latency",
    "output_filters": "replies are not filtered",
    "overrides": "the gateway's own settings hold",
    "prompt_caching": "cache_control is passed on as the client wrote it",
    "prompt_guards": "prompts are not checked",
    "prompt_targets": "every request goes to a model",
    "router": "agents are not called",
    "routing": "the model that a request names answers it",
    "routing_preferences": "the model that a request names answers it",
    "sampling_rate": "sampling_ratio, or random_sampling in percent, says how many requests are traced",
    "span_attributes": "OTEL_RESOURCE_ATTRIBUTES adds attributes to all spans",
    "system_prompt": "no prompt is added",
    "trace_arch_internal": "the spans are those of docs/observability.md",
}
"""What it means that a key is not served, for whoever relied on it."""

Apis = Annotated[list[Api], Meta(min_length=1)]


class ListenerEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where clients connect. Listeners of the types prompt and agent are ignored with a warning."""

    type: Annotated[
        Literal["model", "prompt", "agent"], Meta(description="Only model listeners are served.")
    ] = "model"
    name: Annotated[str, Meta(description="For people; the gateway does not use it.")] = (
        "model_listener"
    )
    address: Annotated[
        Name, Meta(description="Interface to listen on; 0.0.0.0 for all of them.")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port, 1 to 65535.")] = 12000
    timeout: Annotated[
        Duration,
        Meta(
            description="How long an upstream may be silent: seconds, or 500ms, 30s, 5m, 1h. 0: no limit. Default: 10m."
        ),
    ] = None
    max_retries: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None,
        Meta(description="Plano's place for `retries.max_retries`."),
    ] = None
    router: NotServed = None
    agents: NotServed = None
    input_filters: NotServed = None
    output_filters: NotServed = None


class LegacyListener(Struct, forbid_unknown_fields=True, kw_only=True):
    """A listener of the older form of ``listeners``."""

    address: Annotated[Name, Meta(description="Interface to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port, 1 to 65535.")] = 12000
    message_format: Annotated[
        Literal["openai"], Meta(description="Clients may speak any of the three APIs regardless.")
    ] = "openai"
    timeout: Annotated[Duration, Meta(description="How long an upstream may take.")] = None


class LegacyListeners(Struct, forbid_unknown_fields=True, kw_only=True):
    """The older form of ``listeners``: a mapping instead of a list."""

    egress_traffic: Annotated[LegacyListener | None, Meta(description="The model listener.")] = None
    ingress_traffic: Annotated[
        LegacyListener | None, Meta(description="The prompt listener; ignored with a warning.")
    ] = None


class TranslationEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """What happens where client and upstream speak different APIs."""

    on_loss: Annotated[
        OnLoss | None,
        Meta(
            description="What becomes of a request that cannot be translated exactly: `warn` says so in "
            "x-gateway-warning, `reject` answers 400 unless only hints are lost, `ignore` says nothing. "
            "Default: warn."
        ),
    ] = None


class ProviderEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """One model, or with ``provider/*`` every model, of one provider."""

    model: Annotated[
        Name,
        Meta(
            description="`provider/id`, or `provider/*` for every model of the provider. The id may contain slashes.",
            examples=["openai/gpt-4o", "anthropic/*", "openrouter/meta-llama/llama-3.3-70b"],
        ),
    ]
    name: Annotated[
        Name | None,
        Meta(description="A unique name, which clients may use as model. Default: `provider/id`."),
    ] = None
    access_key: Annotated[
        Secret | None,
        Meta(description="The provider's key, best as a variable: `$OPENAI_API_KEY`."),
    ] = None
    base_url: Annotated[
        str | None,
        Meta(
            description="Where the provider is, if not at its usual place. See the base_url rule."
        ),
    ] = None
    default: Annotated[
        bool,
        Meta(
            description="Answers requests that name no model. At most one entry; an only model is it unasked."
        ),
    ] = False
    upstream_apis: Annotated[
        Apis | None,
        Meta(
            description="The APIs that the upstream speaks. A client whose API is listed is passed through; "
            "any other is translated to the first.",
        ),
    ] = None
    passthrough_auth: Annotated[
        bool,
        Meta(description="Send the client's own key upstream instead of access_key."),
    ] = False
    headers: Annotated[
        dict[str, str] | None, Meta(description="Extra headers for every request to the upstream.")
    ] = None
    http_host: Annotated[
        Name | None, Meta(description="Host header for the upstream, where it is not base_url's.")
    ] = None
    tls: Annotated[
        TlsEntry | None,
        Meta(
            description="Other authorities than the usual ones, or a certificate of the gateway's own. Upstreams are "
            "always verified."
        ),
    ] = None
    provider_interface: Annotated[
        Name | None,
        Meta(
            description="For a provider that is not in the table: the one whose conventions it follows."
        ),
    ] = None
    translation: Annotated[
        TranslationEntry | None,
        Meta(description="For this entry, instead of the file's translation."),
    ] = None
    timeouts: Annotated[
        TimeoutsEntry | None,
        Meta(description="For this entry; what it leaves out is as in the file's timeouts."),
    ] = None
    fallbacks: Fallbacks = None
    fallback_on: FallbackOn = None
    routing_preferences: NotServed = None


class AliasEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another name for a model, or one name for several deployments of it."""

    target: Annotated[
        Name | None,
        Meta(
            description="A bare id, a `provider/id` or a provider's `name`; not another alias. This or deployments."
        ),
    ] = None
    deployments: Annotated[
        Annotated[list[DeploymentEntry], Meta(min_length=1)] | None,
        Meta(description="The places that serve the model: other keys, regions or providers."),
    ] = None
    balance: Annotated[
        Balance,
        Meta(
            description="Which deployment is asked: least_in_flight is the less busy of two drawn at random, "
            "lowest_latency the one of two whose streams begin sooner, weighted is drawn. All of them go by weight."
        ),
    ] = "least_in_flight"
    hedge: Annotated[
        HedgeEntry | None,
        Meta(
            description="When another deployment is asked beside one that is late. Default: never."
        ),
    ] = None
    fallbacks: Fallbacks = None
    fallback_on: FallbackOn = None


class StateStorageEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where stored responses are kept."""

    type: Annotated[
        Storage | None,
        Meta(
            description="memory: in each worker's own, gone with a restart. sqlite: a file, for the workers of one "
            "machine. postgres, redis: for any number of gateways; each needs the extra of its name. Default: the "
            "one whose path, connection_string or url is given, else memory."
        ),
    ] = None
    path: Annotated[
        Name | None,
        Meta(description="SQLite's file, made if need be; begins at the config's folder."),
    ] = None
    connection_string: Annotated[
        Secret | None,
        Meta(description="PostgreSQL's, like `postgresql://user:$PASSWORD@host:5432/database`."),
    ] = None
    url: Annotated[
        Secret | None,
        Meta(description="Redis's, like `redis://:$PASSWORD@host:6379/0`; rediss:// with TLS."),
    ] = None
    ttl: Annotated[
        str | float | None,
        Meta(description="How long a response is kept: seconds, or 30m, 12h, 30d. Default: 30d."),
    ] = None
    max_items: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None,
        Meta(
            description="Responses and items of their output that are kept, the newest. Default: 50,000 in memory, "
            "else 1,000,000.",
        ),
    ] = None
    unknown_ids: Annotated[
        UnknownIds | None,
        Meta(
            description="Ids that the gateway does not know, before an upstream that stores responses itself. `ask`: "
            "it is asked, with the gateway's key, so they may be another client's. `refuse`: they do not exist. "
            "Default: refuse where clients need keys, else ask, to go on from them, but not to read or delete them."
        ),
    ] = None
    passthrough: Annotated[
        bool | None,
        Meta(
            description="Keep also the responses of upstreams that speak Responses themselves, so that a conversation "
            "can go on with another model. Default: true."
        ),
    ] = None


Rates = str | list[str] | None


class KeyEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A client's key, and what it allows."""

    id: Annotated[
        Name,
        Meta(
            description="Whose key it is. Several keys with one id are one client's, as while a key is replaced: "
            "they share limits and stored responses."
        ),
    ]
    key: Annotated[Secret, Meta(description="The key, best as a variable; at least 16 characters.")]
    models: Annotated[
        Annotated[list[Name], Meta(min_length=1)] | None,
        Meta(
            description="Globs like `gpt-4o*` or `anthropic/*`: the models that it may use, under any of their names. "
            "Default: all."
        ),
    ] = None
    requests: Annotated[
        Rates,
        Meta(description="How many, in how long: `60/m`, `1000/12h`; or several such limits."),
    ] = None
    tokens: Annotated[
        Rates, Meta(description="Tokens, of requests and replies together: `100000/m`.")
    ] = None
    budget: Annotated[
        Rates,
        Meta(description="US dollars: `20/d`, `400/30d`. Needs the extra prices."),
    ] = None
    concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Requests at a time, each until its reply has ended; in each worker."),
    ] = None


class LimitStorageEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where requests, tokens and money are counted."""

    type: Annotated[
        Literal["memory", "redis"] | None,
        Meta(
            description="memory: each worker counts for itself. redis: all workers of all gateways count together; "
            "needs the extra redis. Default: redis where url is given."
        ),
    ] = None
    url: Annotated[
        Secret | None,
        Meta(description="Redis's, like `redis://:$PASSWORD@host:6379/0`; rediss:// with TLS."),
    ] = None


class AccessEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who may use the gateway, and how much. Whoever has no key is refused if there are keys, or a file for them."""

    keys: Annotated[list[KeyEntry] | None, Meta(description="Keys of clients.")] = None
    key_file: Annotated[
        Name | None,
        Meta(
            description="A file with more keys, hashed, that `wsgi-gateway keys` writes and running workers follow. "
            "Begins at the config's folder."
        ),
    ] = None
    storage: Annotated[
        LimitStorageEntry | None, Meta(description="Where it is counted how much was used.")
    ] = None
    on_limiter_failure: Annotated[
        OnLimiterFailure | None,
        Meta(
            description="While that Redis cannot be reached, `open`: no request is limited; `closed`: clients with "
            "limits get a 503. Default: open."
        ),
    ] = None


class SelectorEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which requests a limit is for."""

    key: Annotated[Name, Meta(description="A header's name.")]
    value: Annotated[
        str | None,
        Meta(description="Its value. Without: every value has a limit of its own."),
    ] = None


class TokenLimitEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many tokens."""

    tokens: Annotated[int, Meta(ge=1, le=1_000_000_000_000, description="Of requests and replies.")]
    unit: Annotated[
        Literal["second", "minute", "hour", "day"], Meta(description="Within one of these.")
    ]


class RatelimitEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Plano's limit of the tokens of one model, for requests with a header."""

    model: Annotated[Name, Meta(description="The model, by any of its names.")]
    selector: Annotated[SelectorEntry, Meta(description="Which requests are meant.")]
    limit: Annotated[TokenLimitEntry, Meta(description="How many tokens they may use.")]


class ConfigFile(Struct, forbid_unknown_fields=True, kw_only=True):
    """A wsgi_gateway config."""

    version: Annotated[
        str | float | None, Meta(description="v0.4.0, v0.3.0 or older; may be left out.")
    ] = None
    listeners: Annotated[
        list[ListenerEntry] | LegacyListeners | None,
        Meta(description="Where clients connect. Default: one model listener on 127.0.0.1:12000."),
    ] = None
    model_providers: Annotated[
        list[ProviderEntry] | None, Meta(description="The models, and where they are served.")
    ] = None
    llm_providers: Annotated[
        list[ProviderEntry] | None, Meta(description="The older name of model_providers.")
    ] = None
    model_aliases: Annotated[
        dict[str, AliasEntry] | None, Meta(description="Alias to target. Looked up before models.")
    ] = None
    translation: Annotated[
        TranslationEntry | None,
        Meta(description="What happens where client and upstream speak different APIs."),
    ] = None
    timeouts: Annotated[TimeoutsEntry | None, Meta(description="How long upstreams may take.")] = (
        None
    )
    retries: Annotated[
        RetriesEntry | None,
        Meta(description="How often, and how soon, a failed request is sent again."),
    ] = None
    health: Annotated[
        HealthEntry | None, Meta(description="When a deployment is left alone for a while.")
    ] = None
    keepalive: Annotated[
        KeepaliveEntry | None,
        Meta(description="What streams get while their upstreams are silent."),
    ] = None
    background: Annotated[
        BackgroundEntry | None,
        Meta(description="Responses that are made while no client waits (`background: true`)."),
    ] = None
    overload: Annotated[
        OverloadEntry | None,
        Meta(description="How much a worker takes on, and what one client may hold of it."),
    ] = None
    state_storage: Annotated[
        StateStorageEntry | None,
        Meta(description="Where stored responses (previous_response_id) are kept."),
    ] = None
    access: Annotated[
        Literal["open"] | AccessEntry | None,
        Meta(
            description="Who may use the gateway: keys, or `open` for everybody. Default: everybody, but on loopback "
            "addresses only."
        ),
    ] = None
    ratelimits: Annotated[
        list[RatelimitEntry] | None,
        Meta(description="Limits of models' tokens by a header of the request, as Plano has them."),
    ] = None
    access_log: Annotated[
        AccessLogEntry | None,
        Meta(description="A line of JSON for each request. Without it, none."),
    ] = None
    tracing: Annotated[
        TracingEntry | None,
        Meta(description="Traces for OpenTelemetry. Without it, none; `{}` is enough."),
    ] = None
    metrics: Annotated[
        MetricsEntry | None,
        Meta(description="What is counted for Prometheus, and who may read it."),
    ] = None
    cost: Cost = "never"
    agents: NotServed = None
    endpoints: NotServed = None
    filters: NotServed = None
    mode: NotServed = None
    model_metrics_sources: NotServed = None
    overrides: NotServed = None
    prompt_caching: NotServed = None
    prompt_guards: NotServed = None
    prompt_targets: NotServed = None
    routing: NotServed = None
    routing_preferences: NotServed = None
    system_prompt: NotServed = None


def json_schema() -> dict[str, Any]:
    """JSON Schema of the config file, for editors."""
    schema = msgspec.json.schema(ConfigFile, schema_hook=_secret_schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "wsgi_gateway config",
        **schema,
    }


def _secret_schema(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string"}
    raise TypeError(f"no JSON Schema for {kind}")
