"""What images and documents cost, by the rules of thumb that Anthropic and OpenAI publish."""

import base64
from math import ceil

from wsgi_gateway.protocols.conversation import Document, Image
from wsgi_gateway.token_count.families import Family
from wsgi_gateway.token_count.image_size import Size, size_of_base64

# Anthropic's page "Vision": width * height / 750; an image above about 1,600 tokens is scaled down.
_PIXELS_PER_TOKEN = 750
_MOST_PER_IMAGE = 1600
# OpenAI's guide "Images and vision": 85, and 170 per tile of 512 pixels once the image fits into a square of 2048 and
# its shorter side into 768; 85 alone with detail "low".
_LOW_DETAIL = 85
_PER_TILE = 170
_TILE = 512
_LONGEST_SIDE = 2048
_SHORTEST_SIDE = 768
_UNKNOWN_SIZE: Size = (1024, 1024)
# Anthropic's page "PDF support": 1,500 to 3,000 tokens of text per page. How many pages a file has is guessed by its
# length, one per 50 kB; one whose length is unknown is taken for ten.
_PER_PAGE = 2250
_BYTES_PER_PAGE = 50_000
_UNKNOWN_PAGES = 10


def image_tokens(image: Image, family: Family) -> int:
    """An image of unknown size, behind a URL for example, is taken for 1024 by 1024 pixels."""
    width, height = (image.data and size_of_base64(image.data)) or _UNKNOWN_SIZE
    if family.images == "area":
        return min(ceil(width * height / _PIXELS_PER_TOKEN), _MOST_PER_IMAGE)
    if image.detail == "low":
        return _LOW_DETAIL
    return _LOW_DETAIL + _PER_TILE * _tiles(width, height)


def document_text(document: Document) -> str | None:
    """What can be counted like any text; None for a file of another kind, or elsewhere."""
    if document.text is not None:
        return document.text
    if document.data is None or not (document.media_type or "").startswith("text/"):
        return None
    try:
        return base64.b64decode(document.data).decode("utf-8", "replace")
    except ValueError:
        return None


def document_tokens(document: Document) -> int:
    """A document that has no ``document_text``, by its length."""
    if document.data is None:
        return _UNKNOWN_PAGES * _PER_PAGE
    return ceil(len(document.data) * 3 / 4 / _BYTES_PER_PAGE) * _PER_PAGE


def _tiles(width: int, height: int) -> int:
    shrink = min(1.0, _LONGEST_SIDE / max(width, height))
    shrink = min(shrink, _SHORTEST_SIDE / min(width, height))
    return ceil(width * shrink / _TILE) * ceil(height * shrink / _TILE)
