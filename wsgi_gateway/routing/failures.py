"""What a failed attempt was: a class of failure, and what follows from it. Pure; what is done then is in plan.py.

The classes are the config's, and four more that no other model does better.
"""

import re
from collections.abc import Mapping
from typing import Literal

from wsgi_gateway.config import Failure
from wsgi_gateway.protocols.errors import ApiError

AnyFailure = Failure | Literal["conflict", "unknown_state", "untranslatable", "request"]
"""conflict: 409; unknown_state: the upstream does not have the response that the request goes on from;
untranslatable: the gateway itself cannot say the request in the deployment's API; request: any other fault of the
request's."""

_CLASS_OF_KIND: Mapping[str, AnyFailure] = {
    "unreachable": "unreachable",
    "timeout": "timeout",
    "rate_limit": "rate_limit",
    "server": "server_error",
    "overloaded": "server_error",
    "upstream_invalid": "server_error",
    "upstream_auth": "auth",
    "quota": "quota",
    "model_not_found": "model_not_found",
    "context_length": "context_window",
    "conflict": "conflict",
}
_UNKNOWN_STATE = frozenset({"previous_response_not_found"})

# OpenAI's and Azure's codes (Azure OpenAI, "Content filtering"), and the words of Anthropic's and others' 400.
_POLICY_CODES = frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})
_POLICY_WORDS = re.compile(
    r"content (management|filtering|safety) policy|content policy|usage policies", re.IGNORECASE
)

ELSEWHERE: frozenset[AnyFailure] = frozenset(
    {
        "unreachable",
        "timeout",
        "rate_limit",
        "server_error",
        "auth",
        "quota",
        "model_not_found",
        "unknown_state",
        "untranslatable",
    }
)
"""Another deployment of the same model may do better."""
AGAIN: frozenset[AnyFailure] = frozenset(
    {"unreachable", "timeout", "rate_limit", "server_error", "conflict"}
)
"""The same deployment may do better in a moment."""
OUTAGES: frozenset[AnyFailure] = frozenset(
    {"unreachable", "timeout", "rate_limit", "server_error", "auth", "quota"}
)
"""Those that speak against the deployment. A client's own faults do not."""
REFUSED: frozenset[AnyFailure] = frozenset({"rate_limit", "conflict", "auth", "quota"})
"""After which nothing was done upstream, whatever the request asked for."""


def failure_of(error: ApiError, *, was_sent: bool) -> AnyFailure:
    """The class of a failed attempt. Not ``was_sent``: the gateway's own translation failed."""
    if not was_sent:
        return "untranslatable" if error.code == "unsupported_parameter" else "request"
    if error.code in _UNKNOWN_STATE:
        return "unknown_state"
    if error.kind in ("invalid_request", "permission") and (
        error.code in _POLICY_CODES or _POLICY_WORDS.search(error.message)
    ):
        return "content_policy"
    return _CLASS_OF_KIND.get(error.kind, "request")
