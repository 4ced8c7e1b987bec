"""Takes the content encoding off a reply. Providers are asked for none, and some pack theirs all the same.

What is packed well is a thousand times as large unpacked. So it is unpacked piece by piece, as somebody takes it: who
bounds what is held of a reply bounds this too.
"""

import zlib
from collections.abc import Mapping

from wsgi_gateway.upstream.connection import BadReplyError

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_LARGEST_PIECE = 256 * 1024
"""Bytes, unpacked: four times what is read at once."""


class Unpacker:
    """gzip and deflate (RFC 9110, 8.4.1), also several members of gzip one after the other."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._packed = b""
        self._has_begun = False
        self.has_more = False
        """Whether ``feed`` may give another piece of what it has got already."""

    def feed(self, data: bytes) -> bytes:
        """The next piece; where ``has_more``, ``data`` must be b"". Raises BadReplyError for what is not packed so.

        b"" is no end: maybe all of ``data`` was gzip's own.
        """
        self._has_begun = True
        packed = data or self._packed
        pieces, room = [], _LARGEST_PIECE
        try:
            while room and (packed or self.has_more):
                if self._inflate.eof:
                    self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
                piece = self._inflate.decompress(packed, room)
                pieces.append(piece)
                room -= len(piece)
                packed = self._inflate.unconsumed_tail or self._inflate.unused_data
                # zlib may have read all, and not told all of it.
                self.has_more = not (room or self._inflate.eof)
        except zlib.error as error:
            raise BadReplyError(f"the reply cannot be unpacked: {error}") from None
        self._packed = packed
        self.has_more = self.has_more or bool(packed)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def finish(self) -> None:
        """At the end of the body. Raises BadReplyError if it came too soon.

        An empty body is whole: servers tell their usual encoding with errors, and 204s and 304s, that have none.
        """
        if self._has_begun and not self._inflate.eof:
            raise BadReplyError("the packed reply ended too soon")


def unpacker(headers: Mapping[str, str]) -> Unpacker | None:
    """For a reply with these headers (names in lower case); None if it is not packed. Raises BadReplyError."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("identity", ""):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return Unpacker()
    raise BadReplyError(f"the reply is packed in an unknown way: {encoding[:40]}")
