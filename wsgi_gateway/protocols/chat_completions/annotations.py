"""Annotations (``url_citation``) between Chat's one content and the parts of a reply.

Offsets count code points: the wire's documentation does not say what they count. Chat's refer to the whole content, an
event's to its part.
"""

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Annotation
from wsgi_gateway.protocols.loss import Loss


def read_annotation(given: Json, offset: int) -> Annotation | None:
    """One entry of ``annotations`` for the part that begins at ``offset``; None for a type nobody else knows."""
    kind = given.get("type")
    if kind == "url_citation":
        cited = _object(given.get("url_citation")) or given
        return Annotation(
            kind="url",
            start=max(0, _number(cited.get("start_index")) - offset),
            end=max(0, _number(cited.get("end_index")) - offset),
            url=_text(cited.get("url")),
            title=_text(cited.get("title")),
            cited=_text(cited.get("content")),
        )
    if kind in ("file_citation", "file"):
        file = _object(given.get(kind)) or given
        return Annotation(
            kind="document",
            file_id=_text(file.get("file_id")),
            title=_text(file.get("filename")) or _text(file.get("name")),
        )
    return None


def starts_at(given: Json) -> int | None:
    """The offset in the whole content at which an annotation begins, if it tells one."""
    start = (_object(given.get("url_citation")) or given).get("start_index")
    return start if isinstance(start, int) else None


def _object(value: object) -> Json | None:
    return value if isinstance(value, dict) else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def write_annotation(given: Annotation, offset: int, loss: Loss) -> Json | None:
    """One entry of ``annotations`` for a part that begins at ``offset``; None for what Chat has no form for."""
    if given.kind != "url":
        loss.approximated("reply.annotations", "a citation of a document was left out")
        return None
    if given.cited:
        loss.approximated("reply.annotations", "the cited words were left out")
    citation = {
        "start_index": offset + given.start,
        "end_index": offset + given.end,
        "title": given.title or "",
        "url": given.url or "",
    }
    return {"type": "url_citation", "url_citation": citation}
