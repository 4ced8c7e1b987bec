"""The keys that say what happens where an upstream fails: timeouts, retries, health, deployments, fallbacks.

As schema.py, of which this is a part: rules between keys are in build_resilience.py and build_aliases.py.
"""

from typing import Annotated

from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import Duration, Name
from wsgi_gateway.config.model import Failure


class TimeoutsEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """How long an upstream may take."""

    connect: Annotated[
        Duration,
        Meta(
            description="Until the connection stands, the lookup of the name and TLS included. Default: 10s."
        ),
    ] = None
    first_event: Annotated[
        Duration,
        Meta(
            description="Of a stream: from the request until its first event, comments not counted. Default: the "
            "listener's timeout, else 10m."
        ),
    ] = None
    idle: Annotated[
        Duration,
        Meta(
            description="Of a stream: between what arrives. Default: the listener's timeout, else 10m."
        ),
    ] = None
    total: Annotated[
        Duration,
        Meta(
            description="Of a request, plain or streamed, all its attempts together. Default: no limit for streams; "
            "a plain reply may be silent for the listener's timeout, else 10m."
        ),
    ] = None


class RetriesEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """How often, and how soon, a request that failed before its first event is sent again."""

    max_retries: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None,
        Meta(
            description="Of a model, its deployments together; each fallback has as many. 0: none. Default: 2."
        ),
    ] = None
    base_delay: Annotated[
        Duration,
        Meta(
            description="Before the first retry at the same deployment; it doubles each time, with jitter. Another "
            "deployment is asked at once. Default: 250ms."
        ),
    ] = None
    max_delay: Annotated[
        Duration,
        Meta(
            description="The longest delay. An upstream that asks for more by retry-after is not asked again. "
            "Default: 5s."
        ),
    ] = None
    budget: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="Retries per request where it failed, over ten seconds of one model's requests; ten are "
            "always allowed. To go on to another deployment that is well needs no budget. Default: 0.2."
        ),
    ] = None


class HealthEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """When a deployment is left alone: it is ejected, and later tried by one request."""

    consecutive_failures: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="As many in a row eject. Default: 5."),
    ] = None
    error_rate: Annotated[
        Annotated[float, Meta(ge=0.01, le=1)] | None,
        Meta(
            description="This share of failures in `window` ejects, where there were `min_requests`. Default: 0.5."
        ),
    ] = None
    min_requests: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        Meta(description="Fewer say nothing about the rate. Default: 20."),
    ] = None
    window: Annotated[Duration, Meta(description="Default: 30s.")] = None
    ejection_time: Annotated[
        Duration,
        Meta(description="The first time; it doubles with each failed trial. Default: 10s."),
    ] = None
    max_ejection_time: Annotated[Duration, Meta(description="Default: 5m.")] = None


class KeepaliveEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a client's stream gets while its upstream is silent: a comment, on Messages a ping."""

    interval: Annotated[
        Duration,
        Meta(
            description="How long a stream may be silent. 0: as long as the upstream is. Default: 15s, or what the "
            "environment's WSGI_GATEWAY_KEEPALIVE says."
        ),
    ] = None
    before_first_event: Annotated[
        bool,
        Meta(
            description="Before the first event too. The client's status is 200 then, whatever becomes of its request: "
            "a failure is told in the stream."
        ),
    ] = False


class BackgroundEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Responses with `background`, where the gateway makes them itself."""

    max_running: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="So many at once in each worker; one more is told to come back later.",
        ),
    ] = 256


Fallbacks = Annotated[
    list[Name] | None,
    Meta(
        description="Models that answer where this one cannot, in this order: names as clients write them. Their own "
        "fallbacks do not count."
    ),
]
FallbackOn = Annotated[
    list[Failure] | None,
    Meta(
        description="For which failures: unreachable, timeout (408, 504 too), rate_limit, server_error (5xx, 529 and "
        "replies that are none), auth (the gateway's own key was refused), quota, model_not_found, context_window, "
        "content_policy. Default: the first six."
    ),
]


class DeploymentEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """One of the places that serve a model."""

    target: Annotated[
        Name,
        Meta(description="A bare id, a `provider/id` or a provider's `name`; not another alias."),
    ]
    weight: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Its share, beside the others' weights.")
    ] = 1
    priority: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Those with the lowest number are asked as long as one of them is well.",
        ),
    ] = 1


class HedgeEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """A request that nobody has answered for a while is sent to another deployment too; the first answer counts."""

    after: Annotated[
        str | float,
        Meta(
            description="How long the first event of a stream, or a plain reply, may take until then: a duration, or "
            "p50 to p99: longer than so many of a hundred requests before took."
        ),
    ]
    max: Annotated[
        int, Meta(ge=1, le=10, description="More attempts beside the first, of one request.")
    ] = 1
