"""``data:`` URLs, in which the OpenAI APIs carry base64 images and files (RFC 2397)."""

import re

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)


def split(url: str) -> tuple[str, str] | None:
    """(media type, base64 data) of a base64 ``data:`` URL; None for any other string."""
    match = _DATA_URL.match(url)
    if match is None or match.group(3) is None:
        return None
    return match.group(1).lower() or "text/plain", url[match.end() :]


def join(media_type: str | None, data: str) -> str:
    """The ``data:`` URL of base64 ``data``."""
    return f"data:{media_type or 'application/octet-stream'};base64,{data}"
