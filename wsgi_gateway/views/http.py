"""What the views share: a Flask request's body into the exchange, and its Answer out as a Flask response."""

from collections.abc import Callable

from flask import Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from wsgi_gateway.client_watch import watch
from wsgi_gateway.exchange import MAX_BODY, Answer, Request, error_answer
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS

_MESSAGES_PATHS = ("/messages", "/messages/count_tokens")


def exchange_view(answer: Callable[[str, Request], Answer], api: str) -> Callable[[], Response]:
    """The view function for POST requests of ``api``, which ``answer`` answers."""

    def view() -> Response:
        request.max_content_length = MAX_BODY
        try:
            body = request.get_data(cache=False)
        except HTTPException as error:
            return respond(error_answer(PROTOCOLS[api], _unreadable(error)))
        asked = Request(
            body=body,
            headers=dict(request.headers.items()),
            query=request.args.to_dict(),
            client=watch(request.environ),
        )
        return respond(answer(api, asked))

    return view


def _unreadable(error: HTTPException) -> ApiError:
    if isinstance(error, RequestEntityTooLarge):
        return ApiError("too_large", f"the request body is larger than {MAX_BODY} bytes")
    return ApiError("invalid_request", "the request body could not be read")


def respond(answer: Answer) -> Response:
    """A stream's iterator is closed by the server when the client is gone."""
    return Response(answer.body, status=answer.status, headers=answer.headers)


def api_of_client() -> str:
    """The API whose error and listing shapes this request's client reads."""
    path = request.path.rstrip("/")
    if "anthropic-version" in request.headers or path.endswith(_MESSAGES_PATHS):
        return "messages"
    return "chat_completions"
