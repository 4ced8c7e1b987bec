"""What load balancers ask, and the root that agents probe before they start."""

from flask import Blueprint, Response


def register(blueprint: Blueprint) -> None:
    def ok() -> Response:
        return Response("ok\n", content_type="text/plain; charset=utf-8")

    blueprint.get("/healthz", endpoint="healthz")(ok)
    blueprint.get("/readyz", endpoint="readyz")(ok)
    blueprint.get("/", endpoint="root")(ok)
