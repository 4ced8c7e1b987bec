"""Annotations and log probabilities of ``output_text`` parts, between the wire and the events.

Source: the types of the openai SDK (``responses/response_output_text.py``); protocols digest 4.3, 6.13, 8.2.
"""

from typing import Any

import msgspec
from msgspec import Struct

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Annotation
from wsgi_gateway.protocols.loss import Loss

_DOCUMENTS = ("file_citation", "container_file_citation", "file_path")


class _Given(Struct):
    type: str
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    index: int | None = None
    file_id: str | None = None
    filename: str | None = None


def read_annotation(native: Any) -> Annotation | None:
    """None for a kind that is not known, or one that is odd."""
    try:
        given = msgspec.convert(native, _Given, strict=False)
    except msgspec.ValidationError:
        return None
    if given.type == "url_citation":
        return Annotation(
            kind="url",
            start=given.start_index or 0,
            end=given.end_index or 0,
            url=given.url,
            title=given.title,
        )
    if given.type not in _DOCUMENTS:
        return None
    at = given.index or 0 if given.type == "file_citation" else 0
    return Annotation(
        kind="document",
        start=given.start_index or at,
        end=given.end_index or at,
        title=given.filename,
        file_id=given.file_id,
    )


def write_annotation(annotation: Annotation, loss: Loss) -> Json | None:
    """None, with a note, for a page without an address."""
    if annotation.cited:
        loss.approximated("reply.annotations", "the words that a citation quotes have no place")
    if annotation.kind == "document":
        loss.approximated("reply.annotations", "a citation of a document became one of a file")
        title = annotation.title or ""
        return {
            "type": "file_citation",
            "file_id": annotation.file_id or title,
            "filename": title,
            "index": annotation.end,
        }
    if not annotation.url:
        loss.approximated("reply.annotations", "a citation without an address was left out")
        return None
    return {
        "type": "url_citation",
        "start_index": annotation.start,
        "end_index": annotation.end,
        "url": annotation.url,
        "title": annotation.title or "",
    }


def write_logprobs(logprobs: list[Json] | None) -> list[Json]:
    """``bytes`` and ``top_logprobs`` are lists even where the upstream told none: the types want them."""
    return [
        {**_filled(token), "top_logprobs": [_filled(top) for top in token["top_logprobs"] or ()]}
        for token in logprobs or ()
    ]


def _filled(token: Json) -> Json:
    return {**token, "bytes": token.get("bytes") or []}
