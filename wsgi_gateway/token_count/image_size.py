"""Width and height of an image, read from the first bytes of its file.

Sources: PNG (W3C) 5.6 and 11.2.1, JPEG (ITU T.81) B.1 and B.2.2, GIF89a 18, RFC 9649 (WebP).
"""

import base64
import struct

# A JPEG's size stands behind its metadata; a thumbnail and a colour profile fit in here. A multiple of 4.
_HEAD = 400_000
# Start of frame: all of 0xC0 to 0xCF but for three that mark tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

Size = tuple[int, int]


def size_of_base64(data: str) -> Size | None:
    """(width, height) in pixels; None for what is not base64, or not an image of a known kind."""
    try:
        head = base64.b64decode(data[:_HEAD])
    except ValueError:
        return None
    return size_of(head)


def size_of(head: bytes) -> Size | None:
    """(width, height) in pixels by a file's first bytes; None if they do not tell it."""
    try:
        size = _read(head)
    except (struct.error, IndexError):
        return None
    return size if size and all(size) else None


def _read(head: bytes) -> Size | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return _pair(">II", head, 16)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return _pair("<HH", head, 6)
    if head.startswith(b"\xff\xd8"):
        return _jpeg(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp(head)
    return None


def _pair(form: str, head: bytes, offset: int) -> Size:
    first, second = struct.unpack_from(form, head, offset)
    return first, second


def _jpeg(head: bytes) -> Size | None:
    """From marker to marker until the frame, which tells height before width."""
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _FRAMES:
            height, width = _pair(">HH", head, at + 5)
            return width, height
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            (length,) = struct.unpack_from(">H", head, at + 2)
            at += 2 + length
    return None


def _webp(head: bytes) -> Size | None:
    """By the first chunk: lossy, lossless, or extended."""
    match head[12:16]:
        case b"VP8 ":
            width, height = _pair("<HH", head, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", head, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
            return (width, height) if len(head) >= 30 else None
        case _:
            return None
