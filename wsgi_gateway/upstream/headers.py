"""Which headers cross the gateway, and with whose credentials. What is not listed here stays behind."""

import re
from collections.abc import Mapping
from functools import lru_cache

from wsgi_gateway.config import Provider
from wsgi_gateway.upstream.limits import limits_for

_USER_AGENT = "wsgi-gateway"
_ANTHROPIC_VERSION = "2023-06-01"
_JSON = re.compile(r"\s*application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)
_CLIENT_KEY_HEADERS = ("authorization", "x-api-key", "api-key")

# Of a client's request: what changes how the upstream reads the body, and what ties traces together.
_FROM_CLIENT = re.compile(
    r"anthropic-(version|beta|user-profile-id|workspace-id)|openai-beta|x-client-request-id"
    r"|idempotency-key|traceparent|tracestate|x-session-id|session_id|conversation_id|x-codex-[\w-]+",
    re.ASCII,
)
# Of an upstream's reply: what SDKs and their users read (protocols digest 1.6).
_FROM_UPSTREAM = re.compile(
    r"retry-after(-ms)?|x-should-retry|x-ratelimit-[\w-]+|anthropic-ratelimit-[\w-]+"
    r"|anthropic-organization-id|anthropic-workspace-id|openai-(processing-ms|version|organization|model)",
    re.ASCII,
)


def request_headers(
    provider: Provider, upstream_api: str, client: Mapping[str, str], *, same_api: bool
) -> dict[str, str]:
    """The headers for an upstream: its own key, never the client's unless the provider passes keys through."""
    headers = {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": _USER_AGENT,
    }
    if upstream_api == "messages":
        headers["anthropic-version"] = _ANTHROPIC_VERSION
    if same_api:
        for name, value in client.items():
            key = name.lower()
            if _passes(key):
                headers[key] = value
            elif key == "content-type" and _JSON.match(value):
                # Only JSON of any kind: curl calls a body a form that nobody called anything.
                headers[key] = value
    headers |= {name.lower(): value for name, value in provider.headers.items()}
    if provider.http_host:
        headers["host"] = provider.http_host
    return headers | _credentials(provider, upstream_api, client)


@lru_cache(256)
def _passes(name: str) -> bool:
    """Whether a client's header goes to an upstream of the same API."""
    return _FROM_CLIENT.fullmatch(name) is not None


@lru_cache(256)
def _returns(name: str) -> bool:
    """Whether an upstream's header goes to the client."""
    return _FROM_UPSTREAM.fullmatch(name) is not None


def _credentials(
    provider: Provider, upstream_api: str, client: Mapping[str, str]
) -> dict[str, str]:
    if provider.passthrough_auth:
        return _handed_on(provider, upstream_api, client)
    if provider.access_key is None:
        return {}
    header, scheme = provider.auth[upstream_api]
    return {header: scheme + provider.access_key.reveal()}


def _handed_on(provider: Provider, upstream_api: str, client: Mapping[str, str]) -> dict[str, str]:
    """The client's own key, moved only where the upstream would not read it: Messages reads all of the headers."""
    given = {
        name.lower(): value for name, value in client.items() if name.lower() in _CLIENT_KEY_HEADERS
    }
    if upstream_api == "messages" or "authorization" in given or not given:
        return given
    header, scheme = provider.auth[upstream_api]
    return given if header in given else {header: scheme + next(iter(given.values()))}


def reply_headers(upstream: Mapping[str, str], client_api: str) -> dict[str, str]:
    """Of an upstream's reply headers those for the client.

    Limits come under the client's names too, the request id under both SDKs'. ``upstream`` ignores case. A value that
    no server would send on is left out.
    """
    headers = {
        name.lower(): value
        for name, value in upstream.items()
        if _returns(name.lower()) and value.isprintable()
    }
    if any("ratelimit" in name for name in headers):
        headers = limits_for(client_api, headers) | headers
    request_id = upstream.get("x-request-id") or upstream.get("request-id")
    if request_id and request_id.isprintable():
        headers["x-request-id"] = headers["request-id"] = request_id
    return headers
