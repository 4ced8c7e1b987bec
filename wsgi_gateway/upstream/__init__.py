"""The HTTP side toward providers: how a request is sent and its reply is read. No protocol, no routing."""

from wsgi_gateway.upstream.client import UpstreamClient, UpstreamReply
from wsgi_gateway.upstream.headers import reply_headers, request_headers
from wsgi_gateway.upstream.limits import is_long_wait, seconds_asked
from wsgi_gateway.upstream.redaction import redacted, without_key
from wsgi_gateway.upstream.urls import added_query, is_step, path_step
from wsgi_gateway.upstream.waits import Waits, waits_of

__all__ = [
    "UpstreamClient",
    "UpstreamReply",
    "Waits",
    "added_query",
    "is_long_wait",
    "is_step",
    "path_step",
    "redacted",
    "reply_headers",
    "request_headers",
    "seconds_asked",
    "waits_of",
    "without_key",
]
