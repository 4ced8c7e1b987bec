"""What load balancers ask, and the root that agents probe before they start."""

from flask import Blueprint, Response

from wsgi_gateway.readiness import READINESS


def register(blueprint: Blueprint) -> None:
    def ok() -> Response:
        return _told("ok", 200)

    def ready() -> Response:
        return _told("the gateway is about to end", 503) if READINESS.is_over else ok()

    blueprint.get("/healthz", endpoint="healthz")(ok)
    blueprint.get("/readyz", endpoint="readyz")(ready)
    blueprint.get("/", endpoint="root")(ok)


def _told(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, content_type="text/plain; charset=utf-8")
