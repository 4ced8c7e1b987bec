"""How long a page may be that a client asks for, of models as of items."""

from wsgi_gateway.protocols.errors import ApiError


def page_limit(given: str | None, default: int, most: int) -> int:
    """``limit`` of a query. Raises ApiError (invalid_request) unless it is a number from 1 to ``most``."""
    if not given:
        return default
    is_number = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not is_number or not 1 <= int(given) <= most:
        raise ApiError("invalid_request", f"limit: must be from 1 to {most}", param="limit")
    return int(given)
