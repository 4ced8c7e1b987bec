"""The application factory and the blueprint: a config becomes a Gateway, the Gateway gets its routes."""

import os
from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from wsgi_gateway.access.exposure import is_for_this_machine
from wsgi_gateway.config import Config, load_config
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.exchange.keepalive import keepalive_interval
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError, kind_of_status
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.serving.entry import Entry
from wsgi_gateway.serving.fast_lane import Served
from wsgi_gateway.serving.ways import has_fast_lane, transport
from wsgi_gateway.telemetry.counting import forget_health, note_health, show_health
from wsgi_gateway.telemetry.families import SERIES
from wsgi_gateway.telemetry.observers import open_observers
from wsgi_gateway.views import (
    chat_completions,
    compaction,
    conversations,
    guard,
    health,
    messages,
    metrics,
    models,
    page_headers,
    places,
    refusals,
    responses,
    responses_socket,
    stored_responses,
    token_counts,
)
from wsgi_gateway.views.http import api_of_client, respond

ConfigSource = Config | str | os.PathLike[str] | Mapping[str, Any]


def create_blueprint(config: ConfigSource, name: str = "wsgi_gateway") -> Blueprint:
    """The gateway as a blueprint, to be mounted under any ``url_prefix`` of an existing Flask app.

    ``config`` is a config file's path, its content as a mapping, or a loaded Config. Give each blueprint its
    own ``name`` where one app mounts several. Without keys in the config (``access``) its routes are as open as the
    app leaves them. Raises ConfigError, and ValueError for a WSGI_GATEWAY_KEEPALIVE, _TRANSPORT, _WEBSOCKETS or
    _WEBSOCKET_IDLE that makes no sense.
    """
    return _blueprint(_gateway(config), name)


def _gateway(config: ConfigSource, before: Gateway | None = None) -> Gateway:
    loaded = config if isinstance(config, Config) else load_config(config)
    interval = keepalive_interval(os.environ, loaded.keepalive.interval)
    observers = open_observers(loaded)
    gateway = Gateway(loaded, interval, transport(os.environ), observers, before)
    if loaded.metrics.enabled:
        forget_health(SERIES)
        for (provider, model), each in gateway.models.deployments.items():
            each.on_health = partial(note_health, SERIES, provider, model)
            # The gateway before may have left it alone.
            if not each.health.admits(monotonic()):
                show_health(SERIES, provider, model, is_well=False)
    return gateway


def _blueprint(gateway: Gateway, name: str) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    for view in (
        chat_completions,
        messages,
        responses,
        responses_socket,
        stored_responses,
        conversations,
        compaction,
        token_counts,
        models,
    ):
        view.register(blueprint, gateway)
    health.register(blueprint)
    if gateway.metrics.enabled:
        metrics.register(blueprint, gateway.metrics)
    page_headers.register(blueprint)
    refusals.register(blueprint, gateway)
    if gateway.admission is not None:
        guard.register(blueprint, gateway.admission)
    places.register(blueprint, gateway)
    return blueprint


def create_app(config: ConfigSource) -> Flask:
    """The gateway as an application of its own. Raises as ``create_blueprint``."""
    return _app(_gateway(config))


def create_served(config: ConfigSource) -> Served:
    """``create_app``'s application with the routes that the gateway's own worker serves without Flask.

    WSGI_GATEWAY_FAST_LANE=off leaves them to Flask too. Raises as ``create_blueprint``.
    """
    loaded = config if isinstance(config, Config) else load_config(config)
    return _served(loaded, _gateway(loaded))


def _served(config: Config, gateway: Gateway) -> Served:
    app = _app(gateway)
    is_local = is_for_this_machine(config, os.environ)
    if is_local:
        guard.register_origins(app, gateway)
    routes = {
        chat_completions.PATH: Entry("chat_completions", gateway, is_local=is_local),
        messages.PATH: Entry("messages", gateway, is_local=is_local),
        responses.PATH: Entry("responses", gateway, is_local=is_local),
    }

    def remade(config: Config) -> Served:
        successor = _gateway(config, gateway)
        served = _served(config, successor)
        gateway.successor = successor
        return served

    return Served(app, routes if has_fast_lane(os.environ) else {}, gateway.overload, remade)


def _app(gateway: Gateway) -> Flask:
    app = Flask("wsgi_gateway", static_folder=None)
    app.register_blueprint(_blueprint(gateway, "wsgi_gateway"))
    app.register_error_handler(HTTPException, partial(_http_error, gateway))
    return app


def _http_error(gateway: Gateway, error: HTTPException) -> Response:
    """Unknown paths and methods, in the dialect of the client that asked."""
    status = error.code or 500
    headers = {name.lower(): value for name, value in error.get_headers() if name == "Allow"}
    message = error.description or error.name
    told = ApiError(kind_of_status(status), message, status=status, headers=headers)
    # These statuses are HTTP's own, whatever the API makes of other errors.
    told.native = status, encode(PROTOCOLS[api_of_client()].error_body(told)[1])
    return page_headers.protected(respond(refusals.refusal(gateway, told)))
