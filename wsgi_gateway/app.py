"""The application factory and the blueprint: a config becomes a Gateway, the Gateway gets its routes."""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from wsgi_gateway.config import Config, load_config
from wsgi_gateway.exchange import Gateway, error_answer
from wsgi_gateway.fast_lane import Served
from wsgi_gateway.keepalive import keepalive_interval
from wsgi_gateway.protocols.errors import ApiError, kind_of_status
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.views import chat_completions, health, messages, models, responses, token_counts
from wsgi_gateway.views.http import api_of_client, respond
from wsgi_gateway.ways import has_fast_lane, transport

ConfigSource = Config | str | os.PathLike[str] | Mapping[str, Any]


def create_blueprint(config: ConfigSource, name: str = "wsgi_gateway") -> Blueprint:
    """The gateway as a blueprint, to be mounted under any ``url_prefix`` of an existing Flask app.

    ``config`` is a config file's path, its content as a mapping, or a loaded Config. Give each blueprint its
    own ``name`` where one app mounts several. Raises ConfigError, and ValueError for a WSGI_GATEWAY_KEEPALIVE
    that is no number of seconds or an unknown WSGI_GATEWAY_TRANSPORT.
    """
    return _blueprint(_gateway(config), name)


def _gateway(config: ConfigSource) -> Gateway:
    loaded = config if isinstance(config, Config) else load_config(config)
    return Gateway(loaded, keepalive_interval(os.environ), transport(os.environ))


def _blueprint(gateway: Gateway, name: str) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    for view in (chat_completions, messages, responses, token_counts, models):
        view.register(blueprint, gateway)
    health.register(blueprint)
    return blueprint


def create_app(config: ConfigSource) -> Flask:
    """The gateway as an application of its own. Raises as ``create_blueprint``."""
    return _app(_gateway(config))


def create_served(config: ConfigSource) -> Served:
    """``create_app``'s application with the routes that the gateway's own worker serves without Flask.

    WSGI_GATEWAY_FAST_LANE=off leaves them to Flask too. Raises as ``create_blueprint``.
    """
    gateway = _gateway(config)
    routes = {
        chat_completions.PATH: partial(gateway.answer, "chat_completions"),
        messages.PATH: partial(gateway.answer, "messages"),
        responses.PATH: partial(gateway.answer, "responses"),
    }
    return Served(_app(gateway), routes if has_fast_lane(os.environ) else {})


def _app(gateway: Gateway) -> Flask:
    app = Flask("wsgi_gateway", static_folder=None)
    app.register_blueprint(_blueprint(gateway, "wsgi_gateway"))
    app.register_error_handler(HTTPException, _http_error)
    return app


def _http_error(error: HTTPException) -> Response:
    """Unknown paths and methods, in the dialect of the client that asked."""
    status = error.code or 500
    told = ApiError(kind_of_status(status), error.description or error.name, status=status)
    answer = error_answer(PROTOCOLS[api_of_client()], told)
    answer.status = status
    return respond(answer)
