"""What the views share: a Flask request's body into the exchange, and its Answer out as a Flask response."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import gevent
from flask import Response, request
from gevent import monkey

from wsgi_gateway.body_limits import BodyClock, too_large, too_slow
from wsgi_gateway.client_watch import watch
from wsgi_gateway.config import Overload
from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.protocols.errors import ApiError

_MESSAGES_PATHS = ("/messages", "/messages/count_tokens")
_RESPONSES = re.compile(r"/v1/(?:responses|conversations)(?:/|\Z)")
_PIECE = 16 * 1024
"""Bytes of a body, or of a reply: each has its own time."""


def exchange_view(
    answer: Callable[[str, Request], Answer], api: str, rules: Overload
) -> Callable[[], Response]:
    """The view function for POST requests of ``api``, which ``answer`` answers. ``rules`` bound their bodies."""

    def view() -> Response:
        return respond(answer(api, _asked(rules)))

    return view


def stored_view(answer: Callable[..., Answer], rules: Overload) -> Callable[..., Response]:
    """The view function for requests about what is stored for clients of Responses, with ids in their path."""

    def view(**ids: str) -> Response:
        return respond(answer(_asked(rules), **ids))

    return view


def _asked(rules: Overload) -> Request:
    """The request that Flask has. Raises ApiError if its body cannot be read, is too large or too slow."""
    try:
        body = b"".join(_pieces(rules))
    except ApiError:
        raise
    except Exception:  # noqa: BLE001 - whatever the server makes of it, it is the client's fault
        raise _unreadable() from None
    if request.content_length not in (None, len(body)):
        raise _unreadable()  # Under gunicorn Werkzeug takes a body that broke off for a whole one.
    return Request(
        body=body,
        headers=client_headers(),
        query=request.args.to_dict(),
        query_string=request.query_string.decode("latin-1"),
        client=watch(request.environ),
        peer=request.remote_addr or "",
    )


def _unreadable() -> ApiError:
    return ApiError("invalid_request", "the request body could not be read")


def _pieces(rules: Overload) -> Iterator[bytes]:
    """The body as it comes. Raises ApiError (413, 408), and what its server does.

    Where nothing is patched for gevent, a wait for a client cannot be ended: its server has to.
    """
    most, received, announced = rules.max_body_size, 0, request.content_length or 0
    clock = BodyClock(rules)
    is_green = monkey.is_module_patched("socket")
    while max(received, announced) <= most:
        with gevent.Timeout(clock.left(received), too_slow("body")) if is_green else nullcontext():
            piece = request.stream.read(min(_PIECE, most + 1 - received))
        if not piece:
            return
        received += len(piece)
        yield piece
    raise too_large(most)


def client_headers() -> dict[str, str]:
    """The request's headers, by names in lower case."""
    return {name.lower(): value for name, value in request.headers.items()}


class _Told(Response):
    """Whose stream is closed also where the server refuses its headers."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        try:
            return super().__call__(environ, start_response)
        except BaseException:
            self.close()
            raise


def respond(answer: Answer) -> Response:
    """A stream's iterator is closed by the server when the client is gone."""
    body, headers = answer.body, answer.headers
    if isinstance(body, bytes) and len(body) > _PIECE:
        # The server gives a client so much time for each piece.
        headers = headers | {"content-length": str(len(body))}
        body = [body[at : at + _PIECE] for at in range(0, len(body), _PIECE)]
    response = _Told(body, status=answer.status, headers=headers)
    if answer.on_told is not None:
        response.call_on_close(answer.on_told)
    return response


def api_of_client() -> str:
    """The API whose error and listing shapes this request's client reads."""
    path = request.path.rstrip("/")
    if "anthropic-version" in request.headers or path.endswith(_MESSAGES_PATHS):
        return "messages"
    return "responses" if _RESPONSES.search(path) else "chat_completions"
