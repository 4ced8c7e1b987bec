"""Ids that the gateway makes or converts, in the form that each API's clients expect."""

import hashlib
import os
import re
import secrets

from wsgi_gateway.protocols.loss import Loss

_KNOWN_PREFIX = re.compile(r"^(chatcmpl-|msg_|resp_|gen-)")
_DIGITS = 24
_AT_ONCE = 64
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


# Drawn many at a time, as each draw asks the system; never shared with a forked process.
_drawn: list[str] = []
os.register_at_fork(after_in_child=_drawn.clear)


def new_id(prefix: str) -> str:
    """``prefix`` and 24 random hexadecimal digits: unique across workers and restarts, and not to be guessed."""
    try:
        return prefix + _drawn.pop()
    except IndexError:
        digits = secrets.token_hex(_DIGITS // 2 * _AT_ONCE)
        _drawn.extend(digits[at : at + _DIGITS] for at in range(0, len(digits), _DIGITS))
        return prefix + secrets.token_hex(_DIGITS // 2)


def with_prefix(prefix: str, upstream_id: str) -> str:
    """The upstream's id under the client API's prefix, so that one can be found from the other."""
    rest = _ILLEGAL.sub("", _KNOWN_PREFIX.sub("", upstream_id))
    return prefix + rest if rest else new_id(prefix)


def short_user_id(user_id: str, loss: Loss) -> str:
    """An end user's id within OpenAI's limit of 64 characters; a longer one becomes its SHA-256."""
    if len(user_id) <= 64:
        return user_id
    loss.approximated("user_id", "longer than 64 characters: its SHA-256 was sent")
    return hashlib.sha256(user_id.encode("utf-8", "surrogatepass")).hexdigest()
