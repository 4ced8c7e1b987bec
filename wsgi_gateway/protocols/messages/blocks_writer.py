"""Parts as the content blocks that an upstream of Messages gets (protocols digest 6.2)."""

import base64
import binascii
from collections.abc import Sequence

from wsgi_gateway.protocols.conversation import Audio, Document, Image, Json, Part, Refusal, Text
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import Words, is_blank

_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
# How base64 of each begins: clients mislabel images, and the API refuses those.
_MAGIC = {
    "iVBORw0KGg": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}


def write_blocks(parts: Sequence[Part], translation: Translation) -> list[Json]:
    """Each block stands where its part did (``Loss.follow``). Blank texts are left out, as the API refuses
    them; their cache breakpoint moves one block up.

    Raises ApiError for an image, a document or sound that the API does not take.
    """
    loss = translation.loss
    blocks: list[Json] = []
    for part in parts:
        block = _text(part) if type(part) is Text else _block(part, translation)
        cache = part.cache
        if block is not None:
            if cache:
                block["cache_control"] = _cache_control(cache, translation)
            blocks.append(loss.follow(part, block))
        elif cache and blocks:
            blocks[-1].setdefault("cache_control", _cache_control(cache, translation))
        elif cache:
            loss.dropped(part, "a cache breakpoint on an empty text")
    return blocks


def _cache_control(cache: Json, translation: Translation) -> Json:
    """With an hour for what OpenAI's APIs call ``30m`` and ``12h`` (6.11)."""
    translation.breakpoints += 1
    ttl = cache.get("ttl")
    if ttl not in ("30m", "12h"):
        return cache
    translation.loss.dropped(cache, f"{ttl} became 1h, the nearest")
    return {**cache, "ttl": "1h"}


def text_block(words: Words) -> Json:
    return {"type": "text", "text": words}


def write_content(parts: Sequence[Part], translation: Translation) -> Words | list[Json]:
    """The content of a tool's result: a plain string where it is one text. Raises as ``write_blocks``."""
    words = plain_words(parts)
    if words is not None:
        return "" if is_blank(words) else words
    blocks = write_blocks(parts, translation)
    if len(blocks) == 1 and is_plain(blocks[0]):
        only: Words = blocks[0]["text"]
        return only
    return blocks


def is_plain(block: Json) -> bool:
    """Whether it is a text and nothing else."""
    return len(block) == 2 and "text" in block


def _block(part: Part, translation: Translation) -> Json | None:
    loss = translation.loss
    match part:
        case Text():
            return _text(part)
        case Refusal():
            loss.approximated(part, "an earlier refusal became ordinary text")
            return _text(part)
        case Image():
            source = _image_source(part, loss, translation.capabilities.image_bytes)
            return {"type": "image", "source": source}
        case Document():
            block: Json = {"type": "document", "source": _document_source(part, loss)}
            if part.filename:
                block["title"] = part.filename
            return block
        case Audio():
            loss.refuse(part, "the upstream's model takes no sound")


def _text(part: Text | Refusal) -> Json | None:
    words = part.words if isinstance(part, Text) else part.text
    return None if is_blank(words) else text_block(words)


def _image_source(image: Image, loss: Loss, limit: int | None) -> Json:
    if image.detail not in (None, "auto"):
        loss.dropped(image, "the upstream chooses an image's resolution itself")
    if image.url is not None and not image.url.startswith("data:"):
        return {"type": "url", "url": image.url}
    if image.data is None:
        loss.refuse(image, "an image must come as base64 data or by URL")
    media_type = image.media_type
    for magic, real_type in _MAGIC.items():
        if image.data.startswith(magic):
            media_type = real_type
    if media_type not in _IMAGE_TYPES:
        loss.refuse(image, f"the upstream takes no images of type {media_type!r}")
    size = len(image.data) * 3 // 4 - image.data[-2:].count("=")
    if limit is not None and size > limit:
        loss.refuse(image, f"the upstream takes images up to {limit} bytes, this has {size}")
    return {"type": "base64", "media_type": media_type, "data": image.data}


def _document_source(document: Document, loss: Loss) -> Json:
    if document.text is not None:
        return _text_source(document.text)
    if document.url is not None:
        return {"type": "url", "url": document.url}
    if document.data is None:
        loss.refuse(document, "a file must come as data or by URL: ids are known to their provider")
    media_type = document.media_type or ""
    if media_type == "application/pdf":
        return {"type": "base64", "media_type": media_type, "data": document.data}
    if not media_type.startswith("text/"):
        loss.refuse(document, f"the upstream takes no files of type {media_type!r}")
    try:
        return _text_source(base64.b64decode(document.data, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        loss.refuse(document, f"a file of type {media_type!r} is not text in UTF-8")


def _text_source(text: str) -> Json:
    return {"type": "text", "media_type": "text/plain", "data": text}
