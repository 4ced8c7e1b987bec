"""Carries one provider's proof of reasoning through another API's opaque field, and back.

A Messages client keeps a thinking block's ``signature`` and sends it back unread; a Responses client does so with
``encrypted_content``. A sealed proof travels there with the name of its origin, so that it is opened only on
the way to the provider that made it. A digest tells a token that was edited or cut. It is no signature, as there is
nothing to gain by forging: whoever could send a made-up proof this way could send it to the provider's own API, which
is the one to judge it.
"""

import base64
import binascii
import hashlib
from typing import Any

import msgspec

from wsgi_gateway.protocols.conversation import Proof

PREFIX = "wsgi-gateway.1."
"""How every token begins."""
_DIGEST = 9

# The opaque fields of the three APIs.
_FIELDS = ("signature", "data", "encrypted_content")


def seal(proof: Proof) -> str:
    """An ASCII token that ``unseal`` turns back into an equal proof."""
    return wrap(msgspec.json.encode(proof))


def wrap(body: bytes) -> str:
    """An ASCII token that ``unwrap`` turns back into ``body``."""
    return PREFIX + base64.urlsafe_b64encode(_digest(body) + body).decode()


def is_sealed(token: str) -> bool:
    """Whether this gateway made ``token``, which may have been edited or cut since."""
    return token.startswith(PREFIX)


def unseal(token: str) -> Proof | None:
    """The proof in a token of ours; None for anything else, edited or cut tokens included."""
    body = unwrap(token)
    try:
        return None if body is None else msgspec.json.decode(body, type=Proof)
    except ValueError:
        return None


def unwrap(token: str) -> bytes | None:
    """What a token of ours holds; None for anything else, edited or cut tokens included."""
    if not is_sealed(token):
        return None
    try:
        raw = base64.b64decode(token[len(PREFIX) :], altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    body = raw[_DIGEST:]
    return body if raw[:_DIGEST] == _digest(body) else None


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()[:_DIGEST]


def without_sealed(value: Any) -> Any:
    """A request's JSON without the blocks, items and details that hold a token.

    They are of no use to an upstream that speaks the client's own API: another API's provider made them.
    """
    if isinstance(value, dict):
        return {name: without_sealed(entry) for name, entry in value.items()}
    if isinstance(value, list):
        kept = ((entry, without_sealed(entry)) for entry in value if not _holds_token(entry))
        return [now for before, now in kept if not _was_emptied(before, now)]
    return value


def _was_emptied(before: Any, now: Any) -> bool:
    """Whether all that a message said is gone: no API takes one without content."""
    return isinstance(now, dict) and now.get("content") == [] != before["content"]


def _holds_token(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    tokens = (value.get(field) for field in _FIELDS)
    return any(isinstance(token, str) and is_sealed(token) for token in tokens)
