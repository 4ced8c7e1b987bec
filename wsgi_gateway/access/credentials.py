"""Where in a request's headers a client's key is."""

from collections.abc import Mapping

OWN_HEADER = "x-gateway-key"
"""For clients whose other headers carry a provider's key, which is passed on."""

_HEADERS = (OWN_HEADER, "authorization", "x-api-key", "api-key")


def keys_in(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Each header that may carry the key, and what it carries. Any API's clients may use any of them.

    ``headers`` are by names in lower case. Anthropic's SDK sends its key as a bearer's or as x-api-key, by version.
    """
    found = []
    for name in _HEADERS:
        if name in headers:
            value = headers[name]
            if value[:7].lower() == "bearer ":
                value = value[7:]
            found.append((name, value.strip()))
    return found
