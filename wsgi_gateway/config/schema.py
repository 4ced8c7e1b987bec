"""The config file as it is written: every key, its type and what it is for.

Documentation and the JSON Schema are made from these classes. Rules between keys are in build.py. Keys that only
Plano's model listener understands are ``NotServed``: a file that has them loads, and says so.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from wsgi_gateway.config.model import Api, OnLoss, Storage
from wsgi_gateway.config.secret import Secret

VERSIONS = ("0.1", "0.1.0", "0.1-beta", "0.2", "0.2.0", "0.3", "0.3.0", "0.4", "0.4.0")
"""Those of Plano's configs that have a model listener, each also with a leading v."""

NOT_SERVED = "not_served"
NotServed = Annotated[Any, Meta(extra={NOT_SERVED: True})]

WITHOUT: Mapping[str, str] = {
    "agents": "agents are not called",
    "endpoints": "no other service is called",
    "filters": "requests and replies are not filtered",
    "input_filters": "requests are not filtered",
    "max_retries": "a failed request is not sent again",
    "mode": "every listener is a model listener",
    "model_metrics_sources": "models are not ranked by cost or latency",
    "output_filters": "replies are not filtered",
    "overrides": "the gateway's own settings hold",
    "prompt_caching": "cache_control is passed on as the client wrote it",
    "prompt_guards": "prompts are not checked",
    "prompt_targets": "every request goes to a model",
    "ratelimits": "nothing is limited",
    "router": "agents are not called",
    "routing": "the model that a request names answers it",
    "routing_preferences": "the model that a request names answers it",
    "system_prompt": "no prompt is added",
    "tracing": "no traces are sent",
}
"""What it means that a key is not served, for whoever relied on it."""

Name = Annotated[str, Meta(min_length=1)]
Apis = Annotated[list[Api], Meta(min_length=1)]
Duration = Annotated[
    str | float | None,
    Meta(description="Seconds as a number, or with a unit: 500ms, 30s, 5m, 1h. 0 means no limit."),
]


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
            description="How long an upstream may take: seconds, or 500ms, 30s, 5m, 1h. 0: no limit."
        ),
    ] = None
    max_retries: NotServed = None
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
    routing_preferences: NotServed = None


class AliasEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another name for a model."""

    target: Annotated[
        Name,
        Meta(description="A bare id, a `provider/id` or a provider's `name`; not another alias."),
    ]


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
    state_storage: Annotated[
        StateStorageEntry | None,
        Meta(description="Where stored responses (previous_response_id) are kept."),
    ] = None
    agents: NotServed = None
    endpoints: NotServed = None
    filters: NotServed = None
    mode: NotServed = None
    model_metrics_sources: NotServed = None
    overrides: NotServed = None
    prompt_caching: NotServed = None
    prompt_guards: NotServed = None
    prompt_targets: NotServed = None
    ratelimits: NotServed = None
    routing: NotServed = None
    routing_preferences: NotServed = None
    system_prompt: NotServed = None
    tracing: NotServed = None


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
