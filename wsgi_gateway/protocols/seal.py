"""Carries one provider's proof of reasoning through another API's opaque field, and back.

A Messages client keeps a thinking block's ``signature`` and sends it back unread; a Responses client does so with
``encrypted_content``. A sealed proof travels there with the name of its origin, so that it is opened only on
the way to the provider that made it.
"""

import base64
import binascii

import msgspec

from wsgi_gateway.protocols.conversation import Proof

_PREFIX = "wsgi-gateway.1."


def seal(proof: Proof) -> str:
    """An ASCII token that ``unseal`` turns back into an equal proof."""
    return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(proof)).decode()


def is_sealed(token: str) -> bool:
    """Whether this gateway made ``token``, which may have been edited or cut since."""
    return token.startswith(_PREFIX)


def unseal(token: str) -> Proof | None:
    """The proof in a token of ours; None for anything else, edited or cut tokens included."""
    if not is_sealed(token):
        return None
    try:
        raw = base64.b64decode(token[len(_PREFIX) :], altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=Proof)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
