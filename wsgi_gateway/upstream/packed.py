"""Takes the content encoding off a reply. Providers are asked for none, and some pack theirs all the same."""

import zlib
from collections.abc import Mapping

from wsgi_gateway.upstream.connection import BadReplyError

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Unpacker:
    """gzip and deflate (RFC 9110, 8.4.1), also several members of gzip one after the other."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes) -> bytes:
        """Raises BadReplyError for what is not packed so."""
        plain = []
        try:
            while data:
                if self._inflate.eof:
                    self._begin()
                plain.append(self._inflate.decompress(data))
                data = self._inflate.unused_data
        except zlib.error as error:
            raise BadReplyError(f"the reply cannot be unpacked: {error}") from None
        return b"".join(plain)

    def finish(self) -> bytes | None:
        """At the end of the body. Raises BadReplyError if it came too soon."""
        rest = self._inflate.flush()
        if not self._inflate.eof:
            raise BadReplyError("the packed reply ended too soon")
        return rest or None


def unpacker(headers: Mapping[str, str]) -> Unpacker | None:
    """For a reply with these headers (names in lower case); None if it is not packed. Raises BadReplyError."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return Unpacker()
    raise BadReplyError(f"the reply is packed in an unknown way: {encoding[:40]}")
