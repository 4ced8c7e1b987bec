"""Carries one provider's proof of reasoning through another API's opaque field, and back.

A Messages client keeps a thinking block's ``signature`` and sends it back unread; a Responses client does so with
``encrypted_content``. A sealed proof travels there with the name of its origin, so that it is opened only on
the way to the provider that made it.
"""

import base64
import binascii
from typing import Any

import msgspec

from wsgi_gateway.protocols.conversation import Proof

PREFIX = "wsgi-gateway.1."
"""How every token begins."""

# The opaque fields of the three APIs.
_FIELDS = ("signature", "data", "encrypted_content")


def seal(proof: Proof) -> str:
    """An ASCII token that ``unseal`` turns back into an equal proof."""
    return PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(proof)).decode()


def is_sealed(token: str) -> bool:
    """Whether this gateway made ``token``, which may have been edited or cut since."""
    return token.startswith(PREFIX)


def unseal(token: str) -> Proof | None:
    """The proof in a token of ours; None for anything else, edited or cut tokens included."""
    if not is_sealed(token):
        return None
    try:
        raw = base64.b64decode(token[len(PREFIX) :], altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=Proof)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None


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
