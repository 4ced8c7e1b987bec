"""The HTTP side toward providers: how a request is sent and its reply is read. No protocol, no routing."""

from wsgi_gateway.upstream.client import UpstreamClient, UpstreamReply
from wsgi_gateway.upstream.headers import reply_headers, request_headers
from wsgi_gateway.upstream.limits import is_long_wait
from wsgi_gateway.upstream.redaction import redacted, without_key

__all__ = [
    "UpstreamClient",
    "UpstreamReply",
    "is_long_wait",
    "redacted",
    "reply_headers",
    "request_headers",
    "without_key",
]
