"""The last guard: whatever an exchange raises becomes an answer, in the dialect of the client's API.

Not here: how an error is written (refusals.py), and the error of a stream that has begun (relay.py).
"""

import logging
from collections.abc import Callable

from wsgi_gateway.client_watch import ClientGone
from wsgi_gateway.exchange.call import Answer, Request
from wsgi_gateway.exchange.refusals import error_answer
from wsgi_gateway.exchange.request_ids import OWN, new_request_id, with_request_ids
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import Protocol

_log = logging.getLogger(__name__)
_CLIENT_CLOSED_REQUEST = 499


def guarded(
    client: Protocol, request: Request, headers: dict[str, str], work: Callable[[], Answer]
) -> Answer:
    """What ``work`` gives, or the error that it ends with, as the client's API writes it; with ``headers``, then."""
    headers[OWN] = new_request_id()
    try:
        answer = work()
    except ApiError as error:
        answer = error_answer(client, error)
        let_go(error)
    except RecursionError:
        answer = error_answer(client, ApiError("invalid_request", "the body is nested too deeply"))
    except ClientGone as gone:
        answer = Answer(_CLIENT_CLOSED_REQUEST, {}, b"")
        let_go(gone)
    except Exception:  # noqa: BLE001 - the last guard: a client never sees a traceback
        _log.exception("request %s failed inside the gateway", headers[OWN])
        answer = error_answer(client, ApiError("server", "the gateway failed on this request"))
    if isinstance(answer.body, bytes):
        request.client.close()
    answer.headers = with_request_ids(headers | answer.headers)
    return answer


def let_go(error: BaseException | None) -> None:
    """Of where it was raised: frames and errors hold each other, and the request, until the garbage collector comes."""
    while error is not None:
        error.__traceback__ = None
        error = error.__context__
