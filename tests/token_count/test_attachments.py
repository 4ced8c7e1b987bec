"""What images and documents cost."""

import base64
import struct

import pytest

from wsgi_gateway.protocols.conversation import Document, Image
from wsgi_gateway.token_count.attachments import document_text, document_tokens, image_tokens
from wsgi_gateway.token_count.families import family_of

CLAUDE = family_of("claude-sonnet-4-20250514")
GPT = family_of("gpt-4o")


def gif(width: int, height: int, detail: str | None = None) -> Image:
    data = base64.b64encode(b"GIF89a" + struct.pack("<HH", width, height)).decode()
    return Image(data=data, media_type="image/gif", detail=detail)


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(200, 200, 54), (1000, 1000, 1334), (1, 1, 1), (60_000, 60_000, 1600)],
)
def test_anthropic_counts_area(width: int, height: int, tokens: int) -> None:
    assert image_tokens(gif(width, height), CLAUDE) == tokens


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1024, 1024, 765), (2048, 4096, 1105), (512, 512, 255), (1, 60_000, 765)],
)
def test_openai_counts_tiles(width: int, height: int, tokens: int) -> None:
    assert image_tokens(gif(width, height), GPT) == tokens


def test_low_detail_has_no_tiles() -> None:
    assert image_tokens(gif(2048, 4096, "low"), GPT) == 85


@pytest.mark.parametrize("image", [Image(url="https://example.org/a.png"), Image(data="?")])
def test_an_image_of_unknown_size_is_taken_for_a_medium_one(image: Image) -> None:
    assert image_tokens(image, CLAUDE) == 1399
    assert image_tokens(image, GPT) == 765


def test_text_documents_are_text() -> None:
    data = base64.b64encode("größer".encode()).decode()
    assert document_text(Document(text="a")) == "a"
    assert document_text(Document(data=data, media_type="text/plain")) == "größer"
    assert document_text(Document(data="A", media_type="text/plain")) is None
    assert document_text(Document(data=data, media_type="application/pdf")) is None
    assert document_text(Document(url="https://example.org/a.txt")) is None


@pytest.mark.parametrize(("length", "tokens"), [(1, 2250), (48_000, 2250), (501_000, 24_750)])
def test_other_documents_cost_by_their_length(length: int, tokens: int) -> None:
    data = base64.b64encode(bytes(length)).decode()
    assert document_tokens(Document(data=data, media_type="application/pdf")) == tokens


def test_a_document_elsewhere_has_a_price_too() -> None:
    assert document_tokens(Document(url="https://example.org/a.pdf")) == 22_500
