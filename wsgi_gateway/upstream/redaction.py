"""Keeps a provider's key out of what its error messages quote."""

from wsgi_gateway.config import Provider
from wsgi_gateway.protocols.errors import ApiError


def redacted(error: ApiError, provider: Provider) -> ApiError:
    """``error`` itself, its message without the provider's key."""
    key = provider.access_key.reveal() if provider.access_key else ""
    if key:
        error.message = error.message.replace(key, "****")
    return error
