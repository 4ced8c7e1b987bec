"""Ids that the gateway makes or converts, in the form that each API's clients expect."""

import hashlib
import re
import secrets

from wsgi_gateway.protocols.loss import Loss

_KNOWN_PREFIX = re.compile(r"^(chatcmpl-|msg_|resp_|gen-)")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


def new_id(prefix: str) -> str:
    """``prefix`` and 24 random hexadecimal digits: unique across workers and restarts."""
    return prefix + secrets.token_hex(12)


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
