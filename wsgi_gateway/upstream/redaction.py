"""Keeps a provider's key out of what its error messages quote."""

from wsgi_gateway.config import Provider
from wsgi_gateway.protocols.errors import ApiError

_HIDDEN = "****"


def redacted(error: ApiError, provider: Provider) -> ApiError:
    """``error`` itself, none of its texts with the provider's key."""
    if provider.access_key:
        key = provider.access_key.reveal()
        error.message = error.message.replace(key, _HIDDEN)
        error.code = error.code and error.code.replace(key, _HIDDEN)
        error.param = error.param and error.param.replace(key, _HIDDEN)
    return error


def without_key(content: bytes, provider: Provider) -> bytes:
    """``content`` without the provider's key."""
    if not provider.access_key:
        return content
    return content.replace(provider.access_key.reveal().encode(), _HIDDEN.encode())
