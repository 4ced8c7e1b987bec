"""What is said of a request whose head cannot be read, takes too long or has no end.

Here: the errors, and whose dialect they are told in, as far as the head tells. Not here: the reading.
"""

from wsgi_gateway.exchange.call import Answer
from wsgi_gateway.exchange.refusals import error_answer
from wsgi_gateway.exchange.request_ids import with_request_ids
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS

_TOO_LONG = 431, "the request's headers are too many or too long"
_LINE_TOO_LONG = 414, "the request's first line is too long"
_FLAWS = {
    "ExpectationFailed": (417, "expect: nothing but 100-continue is known"),
    "InvalidHeader": (400, "a header of the request is not valid"),
    "InvalidHeaderName": (400, "a header's name is not valid"),
    "LimitRequestHeaders": _TOO_LONG,
    "LimitRequestLine": _LINE_TOO_LONG,
    "UnsupportedTransferCoding": (501, "the transfer coding is not supported"),
}
"""By gunicorn's names. It is not imported: an application that another server runs has no use for it."""


def answer_to_head(head: bytes, error: ApiError) -> Answer:
    """The error in the API of whoever sent ``head``, or what came of it."""
    start = head[:8192].lower()
    line = start.partition(b"\r\n")[0]
    is_messages = b"/v1/messages" in line or b"\nanthropic-version:" in start
    answer = error_answer(PROTOCOLS["messages" if is_messages else "chat_completions"], error)
    answer.headers = with_request_ids(answer.headers)
    # These statuses are HTTP's own, whatever the API makes of other errors.
    answer.status = error.status or answer.status
    return answer


def too_long(head: bytes) -> ApiError:
    """``head`` has no end yet, and is as long as one may be."""
    return _refusal(*(_TOO_LONG if b"\r\n" in head else _LINE_TOO_LONG))


def flaw(error: Exception) -> ApiError:
    """What gunicorn found wrong with a head. It quotes nothing of the head."""
    name = type(error).__name__
    return _refusal(*_FLAWS.get(name, (400, "the request is not valid HTTP/1.1")))


def _refusal(status: int, message: str) -> ApiError:
    return ApiError("invalid_request" if status < 500 else "server", message, status=status)
