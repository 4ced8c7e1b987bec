"""The head of an HTTP/1.1 request, read by llhttp. Only requests of the plainest form: the server reads all others."""

import httptools
from msgspec import Struct

LONGEST_PLAIN_HEAD = 8190
_MOST_FIELDS = 100
"""gunicorn's own defaults: it judges whatever is longer."""
LONGEST_HEAD = 65_536
"""That gunicorn gets to judge."""

_NOT_PLAIN = ("transfer-encoding", "expect", "upgrade")
_ONCE = ("host", "content-type")
"""gunicorn refuses a head that has one of these twice."""


class RequestHead(Struct):
    """``headers`` by names in lower case; the values of a name that comes twice are joined, as CGI has it."""

    path: str
    query: str
    headers: dict[str, str]
    content_length: int
    keep_alive: bool

    def __repr__(self) -> str:
        """Without the client's key."""
        return f"RequestHead({self.path}, headers: {', '.join(self.headers)})"


class _Collector:
    """llhttp's callbacks."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[str, str] = {}
        self.is_plain = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self.headers:
            self.is_plain = self.is_plain and key not in _ONCE
            text = f"{self.headers[key]},{text}"
        self.headers[key] = text


def read_head(head: bytes) -> RequestHead | None:
    """``head`` ends with its blank line. None unless it is a POST over HTTP/1.1 whose body has a known length."""
    collected = _Collector()
    parser = httptools.HttpRequestParser(collected)
    try:
        parser.feed_data(head)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    headers = collected.headers
    length = headers.get("content-length", "")
    is_plain = parser.get_method() == b"POST" and parser.get_http_version() == "1.1"
    if not (is_plain and collected.is_plain) or not length.isascii() or not length.isdigit():
        return None
    if len(headers) > _MOST_FIELDS or any(name in headers for name in _NOT_PLAIN):
        return None
    path, _, query = collected.url.decode("latin-1").partition("?")
    keep_alive = "close" not in headers.get("connection", "").lower()
    return RequestHead(path, query, headers, int(length), keep_alive)
