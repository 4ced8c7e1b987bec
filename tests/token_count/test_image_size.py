"""Sizes out of the first bytes of image files."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.token_count.image_size import size_of, size_of_base64

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)
FRAME = b"\xff\xc2" + struct.pack(">HBHH", 11, 8, 480, 640)
EXIF = b"\xff\xe1" + struct.pack(">H", 60_000) + b"\xff\xc0" * 29_999
TABLE = b"\xff\xc4" + struct.pack(">H", 4) + b"\x00\x00"
JPEG = b"\xff\xd8" + EXIF + TABLE + b"\xff" + FRAME
RIFF = b"RIFF\x00\x00\x00\x00WEBP"
LOSSY = RIFF + b"VP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 640 | 0x4000, 480)
LOSSLESS = RIFF + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 639 | 479 << 14)
EXTENDED = RIFF + b"VP8X" + bytes(8) + b"\x7f\x02\x00" + b"\xdf\x01\x00"

KINDS = {
    "png": PNG,
    "gif": GIF,
    "jpeg": JPEG,
    "webp lossy": LOSSY,
    "webp lossless": LOSSLESS,
    "webp extended": EXTENDED,
}
EACH_KIND = pytest.mark.parametrize("head", KINDS.values(), ids=list(KINDS))


@EACH_KIND
def test_size(head: bytes) -> None:
    assert size_of(head) == (640, 480)
    assert size_of_base64(base64.b64encode(head + bytes(1_000_000)).decode()) == (640, 480)


@EACH_KIND
def test_a_file_cut_short_tells_nothing(head: bytes) -> None:
    assert {size_of(head[:length]) for length in range(len(head) - 40, len(head) - 1)} == {None}


@pytest.mark.parametrize("data", ["", "not base64!?", "é", "aGVsbG8=", "A"])
def test_other_text_is_no_image(data: str) -> None:
    assert size_of_base64(data) is None


def test_an_empty_image_has_no_size() -> None:
    assert size_of(b"GIF89a" + bytes(4)) is None


@given(st.sampled_from([b"", PNG[:8], b"\xff\xd8\xff", RIFF, RIFF + b"VP8X"]), st.binary())
def test_no_bytes_break_it(start: bytes, rest: bytes) -> None:
    size = size_of(start + rest)
    assert size is None or min(size) > 0
