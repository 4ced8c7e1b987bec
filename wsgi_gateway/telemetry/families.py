"""The metrics that are counted: their names, their labels, their buckets.

Those of the OpenTelemetry conventions for generative AI have these names, attributes and buckets, as Prometheus writes
them. What it leaves open: an operation begins when the gateway has the request's body, and ends when the client has the
last byte, so retries and fallbacks are in it.

Source: OpenTelemetry, "Semantic conventions for generative AI metrics" (development), and "Prometheus compatibility".
"""

from wsgi_gateway.telemetry.series import Family, Series

_MODEL = (
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_request_model",
    "gen_ai_response_model",
)
_SECONDS = tuple(round(0.01 * 2**power, 2) for power in range(14))
_TOKENS = tuple(float(4**power) for power in range(14))

REQUESTS = 0
DURATION = 1
TOKENS = 2
FIRST_TOKEN = 3
EACH_TOKEN = 4
DETAILS = 5
OVERHEAD = 6
ATTEMPTS = 7
EJECTIONS = 8
EJECTED = 9
LOSSES = 10
LIMITS = 11
COST = 12

FAMILIES = (
    Family(
        "wsgi_gateway_requests",
        "Requests that are over, by the API that the client speaks, what it asked for, the HTTP status and the ending.",
        ("api", "method", "status", "ending"),
    ),
    Family(
        "gen_ai_client_operation_duration_seconds",
        "From a request's body to its client's last byte, where an upstream was asked.",
        (*_MODEL, "error_type"),
        _SECONDS,
    ),
    Family(
        "gen_ai_client_token_usage",
        "Tokens of a request, as its upstream told them.",
        (*_MODEL, "gen_ai_token_type"),
        _TOKENS,
    ),
    Family(
        "gen_ai_server_time_to_first_token_seconds",
        "From a request's body to the first event of its stream.",
        _MODEL,
        (
            0.001,
            0.005,
            0.01,
            0.02,
            0.04,
            0.06,
            0.08,
            0.1,
            0.25,
            0.5,
            0.75,
            1.0,
            2.5,
            5.0,
            7.5,
            10.0,
        ),
    ),
    Family(
        "gen_ai_server_time_per_output_token_seconds",
        "Of a stream: from its first event to its end, by its output tokens after the first.",
        _MODEL,
        (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5),
    ),
    Family(
        "wsgi_gateway_token_details",
        "Tokens that are among the others: read from a cache, written to it, reasoning.",
        ("gen_ai_provider_name", "gen_ai_request_model", "type"),
    ),
    Family(
        "wsgi_gateway_overhead_seconds",
        "The gateway's own time until an answer began: from the request's body, without what upstreams took.",
        ("api",),
        (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
    ),
    Family(
        "wsgi_gateway_attempts",
        "Deployments that were asked, by the name of the config's entry and what came of it.",
        ("provider", "outcome"),
    ),
    Family(
        "wsgi_gateway_deployment_ejections",
        "How often a deployment was left alone because it failed.",
        ("provider", "model"),
    ),
    Family(
        "wsgi_gateway_deployment_ejected",
        "In how many workers a deployment is left alone, or on trial after that.",
        ("provider", "model"),
        is_gauge=True,
    ),
    Family(
        "wsgi_gateway_losses",
        "What translations between two APIs could not carry exactly.",
        ("api", "upstream_api", "verdict"),
    ),
    Family(
        "wsgi_gateway_limit_refusals",
        "Requests that a limit of their client's refused.",
        ("limit",),
    ),
    Family(
        "wsgi_gateway_cost_dollars",
        "What requests cost, where the config wants to know.",
        ("provider", "model"),
    ),
)

SERIES = Series(FAMILIES)
"""This process's."""
