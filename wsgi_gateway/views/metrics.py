"""``GET /metrics``, which Prometheus scrapes."""

from ipaddress import ip_address

from flask import Blueprint, Response, abort, request

from wsgi_gateway.config import Secret
from wsgi_gateway.config.model import Metrics


def register(blueprint: Blueprint, rules: Metrics) -> None:
    def metrics() -> Response:
        if rules.loopback_only and not _is_loopback(request.remote_addr):
            abort(403, "metrics are told on this machine only")
        if rules.key is not None and not _is_key(request.headers.get("authorization"), rules.key):
            abort(401, "metrics need their own key, as authorization: Bearer")
        from wsgi_gateway.telemetry.metrics import exposition

        body, content_type = exposition(request.headers.get("accept", ""))
        return Response(body, content_type=content_type)

    blueprint.get("/metrics", endpoint="metrics")(metrics)


def _is_loopback(address: str | None) -> bool:
    """A connection over a Unix socket has no address: it comes from this machine."""
    if not address:
        return address is not None
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def _is_key(given: str | None, key: Secret) -> bool:
    scheme, _, sent = (given or "").partition(" ")
    return scheme.lower() == "bearer" and Secret(sent.strip()) == key
