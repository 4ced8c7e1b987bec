"""Parts of messages, written as Chat Completions content."""

import base64
import binascii
from collections.abc import Sequence

from wsgi_gateway.protocols import data_url
from wsgi_gateway.protocols.conversation import (
    Audio,
    Document,
    Image,
    Json,
    Part,
    Refusal,
    Text,
)
from wsgi_gateway.protocols.openai_requests import (
    breakpoint_of_cache,
    check_file_id,
    document_text,
)
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import Words


def write_content(parts: Sequence[Part], translation: Translation) -> Words | list[Json]:
    """One plain string where it is one text, as the plainest hosts accept nothing else; "" or [] if nothing is said.

    Raises ApiError, by the part's path, for what Chat cannot hold.
    """
    words = plain_words(parts)
    if words is not None:
        return words
    content = [
        write_part(part, translation)
        for part in parts
        if not isinstance(part, Text) or part.words or len(parts) == 1
    ]
    return plain(content)


def plain(content: list[Json]) -> Words | list[Json]:
    """Content that is one text and nothing else, as its words."""
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        words: Words = content[0]["text"]
        return words
    return content


def write_part(part: Part, translation: Translation) -> Json:
    """One entry of a content array."""
    match part:
        case Refusal():
            return {"type": "text", "text": part.text}
        case Text():
            body: Json = {"type": "text", "text": part.words}
        case Image():
            body = _image(part, translation)
        case Document():
            body = _document(part, translation)
        case Audio():
            sound = {"data": part.data, "format": part.format}
            body = {"type": "input_audio", "input_audio": sound}
    return body | breakpoint_of_cache(part, part.cache, translation) if part.cache else body


def _image(image: Image, translation: Translation) -> Json:
    if image.file_id is not None:
        translation.loss.refuse(image, "the upstream's API takes images as data or by URL")
    url = image.url or data_url.join(image.media_type, image.data or "")
    body: Json = {"url": url}
    if image.detail:
        body["detail"] = image.detail
    return {"type": "image_url", "image_url": body}


def _document(document: Document, translation: Translation) -> Json:
    text = document.text if document.text is not None else _text_of(document)
    if text is not None:
        return {"type": "text", "text": document_text(document, text, translation)}
    if document.file_id is not None:
        check_file_id(document, translation)
        return {"type": "file", "file": {"file_id": document.file_id}}
    if document.data is None:
        translation.loss.refuse(document, "the upstream's API takes documents as data, not by URL")
    file = {
        "filename": document.filename or "document.pdf",
        "file_data": data_url.join(document.media_type, document.data),
    }
    return {"type": "file", "file": file}


def _text_of(document: Document) -> str | None:
    """The words of a plain text that came as data: many models take no other files than PDF."""
    if document.data is None or not (document.media_type or "").startswith("text/"):
        return None
    try:
        return base64.b64decode(document.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
