"""Pages of other sites, which a browser on this machine lets speak to it too: a gateway that wants no key would answer.

Such a page reads no answer, but its request would be paid for. Browsers say in ``origin`` where it is from.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from wsgi_gateway.access.exposure import is_loopback
from wsgi_gateway.protocols.errors import ApiError

_OF_NO_ONE = "null"
"""What a page in a sandbox sends, wherever it is from."""


def is_foreign_page(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page that is neither this machine's nor of the host that it asks.

    ``headers`` are by names in lower case. Programs that are no browser have no origin, or one of their own scheme.
    """
    origin = headers.get("origin")
    if origin is None:
        return False
    scheme, _, host = origin.partition("://")
    if scheme not in ("http", "https"):
        return origin == _OF_NO_ONE
    if host == headers.get("host"):
        return False
    try:
        name = urlsplit(origin).hostname or ""
    except ValueError:
        return True
    return not (is_loopback(name) or name.endswith(".localhost"))


def check_origin(headers: Mapping[str, str]) -> None:
    """Raises ApiError (permission) for a page of another site. ``headers`` are by names in lower case."""
    if is_foreign_page(headers):
        raise ApiError(
            "permission",
            "a page of another site may not use a gateway that is for this machine: "
            "configure access.keys, or access: open",
        )
