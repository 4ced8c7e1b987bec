"""What an upstream's error body says, whatever form it came in.

Any host may answer in any form: its own API's, another vendor's, its web framework's, its proxy's
HTML. So reading errors is done once, here; writing them is the job of the ``errors`` modules.
"""

import html
import re

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.errors import ApiError, Kind, kind_of_status

LARGEST_READ = 1024 * 1024
"""Bytes of an error that is read as JSON. Decoded it may take 30 times as many; what matters takes a few hundred."""
_LONGEST_MESSAGE = 2000
_LONGEST_PAGE = 65_536
_LONGEST_WORD = 200
_MESSAGE_FIELDS = ("message", "error", "detail", "errors", "msg")
_DEEPEST = 5

# What is not closed goes on to the end, as in browsers: else each beginning would be followed to the end in vain.
_TITLE = re.compile(r"<title[^>]*>(.*?)(?:</title>|\Z)", re.IGNORECASE | re.DOTALL)
_INVISIBLE = re.compile(
    r"<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<[^>]*>", re.IGNORECASE | re.DOTALL
)

# The types and codes of both vendors that say more than the status does (protocols digest 1.9).
_KIND_OF_WORD: dict[str, Kind] = {
    "authentication_error": "authentication",
    "invalid_api_key": "authentication",
    "billing_error": "quota",
    "insufficient_quota": "quota",
    "credit_balance_exhausted": "quota",
    "billing_hard_limit_reached": "quota",
    "billing_not_active": "quota",
    "enforced_spend_limit_reached": "quota",
    "permission_error": "permission",
    "request_forbidden": "permission",
    "unsupported_country_region_territory": "permission",
    "not_found_error": "not_found",
    "model_not_found": "model_not_found",
    "conflict_error": "conflict",
    "request_too_large": "too_large",
    "context_length_exceeded": "context_length",
    "exceed_context_size_error": "context_length",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "slow_down": "rate_limit",
    "overloaded_error": "overloaded",
    "service_unavailable_error": "overloaded",
    "server_is_overloaded": "overloaded",
    "timeout_error": "timeout",
}
# What hosts put into words only.
_CONTEXT_LENGTH = re.compile(
    r"prompt is too long|exceed context limit|maximum context length|context window"
    r"|available context size|exceeds the maximum number of tokens",
    re.IGNORECASE,
)
_QUOTA = re.compile(r"credit balance is too low", re.IGNORECASE)
_NO_SUCH_MODEL = re.compile(r"model:|.*\bmodel\b.*\b(not found|does not exist)", re.IGNORECASE)
_REGULAR_CODES = (None, "", "0", 0, 200, "200")


class ErrorBody(Struct, frozen=True, kw_only=True):
    """``message`` is "" where the body says nothing."""

    type: str | None = None
    code: str | None = None
    message: str = ""
    param: str | None = None


def parse_error(body: bytes) -> ErrorBody:
    """Takes any bytes. The message is plain text of at most 2,000 characters."""
    if len(body) > LARGEST_READ:
        return ErrorBody(message=_trim(_plain_text(body)))
    try:
        value = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ErrorBody(message=_trim(_plain_text(body)))
    details = _details(value)
    return ErrorBody(
        type=_word(details, "type", "status"),
        code=_word(details, "code", "error_code"),
        message=_trim(_message(value) or (_plain_text(body) if value else "")),
        param=_word(details, "param"),
    )


def read_error(status: int, body: bytes) -> ApiError:
    """An upstream's error. ``status`` is 500 for one that came inside a stream, whose ``code`` may
    hold a better one.
    """
    found = parse_error(body)
    code = found.code
    if code is not None and code.isdecimal():
        status = int(code) if status == 500 and re.fullmatch(r"[45]\d\d", code) else status
        code = None
    message = found.message or f"the upstream answered with status {status} and no explanation"
    return ApiError(kind_of(status, found), message, param=found.param, code=code, status=status)


def is_bare_error(body: dict[str, object]) -> bool:
    """Whether ``body``, which came where a reply should be, is an error that nothing but its own words tell from one.

    So vLLM and LMDeploy send them (``object: error``), FastChat (``error_code``), DashScope and others (``code``).
    """
    if body.get("choices") or body.get("content") or body.get("output") or body.get("usage"):
        return False
    if body.get("object") == "error" or body.get("error_code"):
        return True
    message, status = body.get("message"), body.get("status")
    return (
        isinstance(message, str)
        and message != ""
        and (
            body.get("code") not in _REGULAR_CODES
            or "error" in str(body.get("type")).lower()
            or (isinstance(status, int) and status >= 400)
        )
    )


def kind_of(status: int, body: ErrorBody) -> Kind:
    """The kind that the body's code or type names, or its text gives away; else the status's."""
    kind = _KIND_OF_WORD.get(body.code or "") or _KIND_OF_WORD.get(body.type or "")
    if kind is None and (body.code or "").endswith("_spend_limit_exceeded"):
        kind = "quota"
    if kind is None:
        kind = kind_of_status(status)
        if kind == "server" and body.type == "invalid_request_error":
            kind = "invalid_request"
    if kind == "invalid_request" and _CONTEXT_LENGTH.search(body.message):
        return "context_length"
    if kind == "invalid_request" and _QUOTA.search(body.message):
        return "quota"
    if kind == "not_found" and _NO_SUCH_MODEL.match(body.message):
        return "model_not_found"
    return kind


def _details(value: object) -> dict[str, object]:
    """The object that holds type and code: the one under ``error`` where there is one."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not isinstance(value, dict):
        return {}
    inner = value.get("error")
    if not isinstance(inner, dict):
        return value
    more = inner.get("details")
    return {**more, **inner} if isinstance(more, dict) else inner


def _word(details: dict[str, object], *names: str) -> str | None:
    for name in names:
        value = details.get(name)
        if isinstance(value, str) and value and value != "error":
            return value[:_LONGEST_WORD]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:_LONGEST_WORD]
    return None


def _message(value: object, depth: int = 0) -> str:
    if isinstance(value, str):
        return value
    if depth == _DEEPEST:
        return ""
    if isinstance(value, list):
        return "; ".join(filter(None, (_message(entry, depth + 1) for entry in value)))
    if isinstance(value, dict):
        for name in _MESSAGE_FIELDS:
            found = _message(value.get(name), depth + 1)
            if found:
                return _with_location(value, found)
    return ""


def _with_location(value: dict[str, object], message: str) -> str:
    """FastAPI says where in ``loc``."""
    where = value.get("loc")
    if not isinstance(where, list):
        return message
    return f"{'.'.join(str(step) for step in where)}: {message}"


def _plain_text(body: bytes) -> str:
    text = body[:_LONGEST_PAGE].decode("utf-8", "replace")
    end = text.rfind(">") + 1
    if "<" not in text[:end]:
        return text
    page, rest = text[:end], text[end:]
    title = _TITLE.search(page)
    visible = title.group(1) if title else _INVISIBLE.sub(" ", page) + rest
    return " ".join(html.unescape(visible).split())


def _trim(text: str) -> str:
    return text.strip()[:_LONGEST_MESSAGE]
