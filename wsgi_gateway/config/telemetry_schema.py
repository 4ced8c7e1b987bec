"""The config file's keys of what operators see, as they are written. A part of schema.py."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import Name, NotServed
from wsgi_gateway.config.secret import Secret


class MetricsEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """`GET /metrics`, for Prometheus."""

    enabled: Annotated[
        bool, Meta(description="`false`: nothing is counted, and there is no such page.")
    ] = True
    access: Annotated[
        Literal["open", "loopback"],
        Meta(
            description="Who may read it: everybody who reaches the gateway, or who connects from this machine. A "
            "proxy on it makes everybody that."
        ),
    ] = "open"
    key: Annotated[
        Secret | None,
        Meta(
            description="What Prometheus then has to send as `authorization: Bearer`, best as a variable; at least 16 "
            "characters. It is nobody's key for models, nor are those keys for this."
        ),
    ] = None


Cost = Annotated[
    Literal["never", "asked", "always"],
    Meta(
        description="Whether it is reckoned what requests cost, for metrics and logs; `asked` also tells clients that "
        "send `x-gateway-cost: true`, `always` tells all of them, in the header x-gateway-cost. Needs the extra prices."
    ),
]


class AccessLogEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """One line of JSON for each request, when it has ended: docs/observability.md."""

    path: Annotated[
        Name,
        Meta(
            description="A file, to which lines are added; begins at the config's folder. `-`: standard output."
        ),
    ] = "-"
    bodies: Annotated[
        bool,
        Meta(
            description="What was asked and answered too, keys shown as ****. It holds all that people told the model."
        ),
    ] = False
    max_body: Annotated[
        Annotated[int, Meta(ge=1, le=1_048_576)] | None,
        Meta(description="Bytes of each body that are kept. Default: 16,384."),
    ] = None


class TracingEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """Traces by OpenTelemetry's protocol over HTTP. Needs the extra otel: docs/observability.md."""

    endpoint: Annotated[
        Name | None,
        Meta(
            description="The collector's URL, like `http://collector:4318`; `/v1/traces` is added where it has no "
            "path. Default: what OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT says, else "
            "`http://localhost:4318`."
        ),
    ] = None
    headers: Annotated[
        dict[str, Secret] | None,
        Meta(
            description="For the collector, like a key. Default: what OTEL_EXPORTER_OTLP_HEADERS says."
        ),
    ] = None
    sampling_ratio: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="The share of requests that are traced, where the client's `traceparent` does not decide it. "
            "Default: what OTEL_TRACES_SAMPLER says, else 1."
        ),
    ] = None
    random_sampling: Annotated[
        Annotated[float, Meta(ge=0, le=100)] | None,
        Meta(description="Plano's place for it, in percent."),
    ] = None
    opentracing_grpc_endpoint: Annotated[
        str | None,
        Meta(description="Plano's. Without effect: traces do not go by gRPC, but to endpoint."),
    ] = None
    exporters: NotServed = None
    sampling_rate: NotServed = None
    span_attributes: NotServed = None
    trace_arch_internal: NotServed = None
