"""OpenAI Responses over a WebSocket: which GET becomes one, and what all others are told."""

import logging
import os
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, request
from gevent import monkey

from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.side_endpoints.preparing import Preparer
from wsgi_gateway.telemetry.in_flight import CountedBody
from wsgi_gateway.views.responses import PATH
from wsgi_gateway.websocket.limits import SocketLimits, socket_limits
from wsgi_gateway.websocket.open_sockets import OPEN_SOCKETS

_log = logging.getLogger(__name__)


class _Taken(Response):
    """The end of a request whose connection was taken over: the server is to say nothing more on it."""

    def __init__(self, ending: type[Exception]) -> None:
        super().__init__()
        self._ending = ending

    def __call__(self, _environ: Any, _start_response: Any) -> Iterable[bytes]:
        raise self._ending


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    limits = socket_limits(os.environ)

    def view() -> Response:
        return _serve(gateway, limits)

    # Werkzeug keeps the rules for WebSockets apart.
    for endpoint, is_socket in (("responses_socket", True), ("responses_no_socket", False)):
        blueprint.add_url_rule(PATH, endpoint, view, methods=["GET"], websocket=is_socket)


def _serve(gateway: Gateway, limits: SocketLimits) -> Response:
    """The whole life of a WebSocket. Raises ApiError before there is one."""
    # Imported where they are needed first: most processes never see a WebSocket.
    from wsgi_gateway.websocket.connection import Connection
    from wsgi_gateway.websocket.session import Session, headers_of

    headers = {name.lower(): value for name, value in request.headers.items()}
    if headers.get("upgrade", "").lower() != "websocket":
        raise ApiError(
            "invalid_request",
            "this is where a WebSocket is opened; a response is created with POST",
            status=426,
            headers={"upgrade": "websocket"},
        )
    if not limits.most:
        raise _not_supported("WebSockets are switched off here: create responses with POST")
    _check_origin(headers)
    sock, ending = _socket_of(request.environ)
    sock.settimeout(gateway.overload.send_timeout)
    connection = Connection(sock, gateway.overload.max_body_size, gateway.keepalive)
    query, peer = request.args.to_dict(), request.remote_addr or ""
    asked = Request(body=b"", headers=headers_of(headers), query=query, peer=peer)

    # A socket may outlive its gateway's config.
    def generate(turn: Request) -> Answer:
        return _turn(gateway.newest(), turn)

    def prepare(turn: Request) -> Answer:
        return Preparer(gateway.newest()).answer(turn)

    session = Session(connection, asked, generate, prepare, limits)
    if not OPEN_SOCKETS.enter(session, limits.most):
        raise ApiError(
            "overloaded", "there are too many WebSockets already", headers={"retry-after": "1"}
        )
    try:
        connection.accept(headers)
        session.run()
    except OSError:
        connection.abort()
    except ApiError:
        raise
    except Exception:  # noqa: BLE001 - nobody is there to read HTTP
        _log.exception("a WebSocket failed inside the gateway")
        connection.abort()
    finally:
        OPEN_SOCKETS.leave(session)
    return _Taken(ending)


def _turn(gateway: Gateway, asked: Request) -> Answer:
    """One turn, which has its place among the requests of this process. Raises ApiError where there is none."""
    gateway.gate.enter()
    try:
        answer = gateway.answer("responses", asked)
    except BaseException:
        gateway.gate.leave()
        raise
    if isinstance(answer.body, bytes):
        gateway.gate.leave()
    else:
        answer.body = CountedBody(answer.body, gateway.gate.leave)
    return answer


def _check_origin(headers: Mapping[str, str]) -> None:
    """Raises ApiError for another site's page: browsers let it open a WebSocket to any server, and read what comes."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers.get("host"):
        raise ApiError("permission", "a page of another origin may not open a WebSocket")


def _socket_of(environ: Mapping[str, Any]) -> tuple[Any, type[Exception]]:
    """The client's socket, and the exception that makes the server forget the request. Raises ApiError (501).

    gunicorn and Werkzeug offer their sockets. A server with one thread alone would serve nobody else meanwhile.
    """
    is_green = monkey.is_module_patched("threading")
    for name, ending in (("gunicorn.socket", StopIteration), ("werkzeug.socket", ConnectionError)):
        sock = environ.get(name)
        if sock is None or not environ.get("wsgi.multithread"):
            continue
        if is_green or not isinstance(sock, ssl.SSLSocket):
            return sock, ending
    raise _not_supported(
        "this server cannot open WebSockets: use gunicorn's gevent worker, or create responses with POST"
    )


def _not_supported(message: str) -> ApiError:
    return ApiError("server", message, status=501, code="websocket_not_supported")
