"""Keeps a provider's secrets out of what its error messages quote."""

import re
from urllib.parse import quote

from wsgi_gateway.config import Provider
from wsgi_gateway.protocols.errors import ApiError

_HIDDEN = "****"
_SECRET_HEADER = re.compile(
    r"auth|key|token|secret|password|credential|cookie|session", re.IGNORECASE
)
_SCHEME = re.compile(r"(bearer|basic|token|apikey) +", re.IGNORECASE)
_SHORTEST = 6
"""Characters. What is shorter is no secret, and to hide it would spoil any text."""


def redacted(error: ApiError, provider: Provider) -> ApiError:
    """``error`` itself, none of its texts with a secret of the provider's."""
    for secret in _written(provider):
        error.message = error.message.replace(secret, _HIDDEN)
        error.code = error.code and error.code.replace(secret, _HIDDEN)
        error.param = error.param and error.param.replace(secret, _HIDDEN)
    return error


def without_key(content: bytes, provider: Provider) -> bytes:
    """``content`` without a secret of the provider's."""
    for secret in _written(provider):
        content = content.replace(secret.encode("utf-8", "surrogatepass"), _HIDDEN.encode())
    return content


def _written(provider: Provider) -> list[str]:
    """Its key, and the headers that may hold one: as they are, as in a URL, and as some write them in JSON."""
    secrets = [provider.access_key.reveal()] if provider.access_key else []
    secrets += [
        _SCHEME.sub("", value, count=1).strip()
        for name, value in provider.headers.items()
        if _SECRET_HEADER.search(name)
    ]
    forms = dict.fromkeys(
        form
        for secret in secrets
        for form in (secret, quote(secret, safe=""), secret.replace("/", "\\/"))
    )
    # The longest first: one may be a part of another.
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
