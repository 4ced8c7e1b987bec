"""Citations of a Messages upstream as annotations, and annotations as what a Messages client can be given.

Messages cites by the source's own words, with an index that it alone can make: what an upstream of Messages cited goes
on as it came, and an annotation of another API becomes a line of a list of sources behind the text (protocols digest
6.13).
"""

from collections.abc import Sequence

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Annotation
from wsgi_gateway.protocols.loss import Loss

_OF_THE_WEB = "web_search_result_location"
_OF_DOCUMENTS = (
    "char_location",
    "page_location",
    "content_block_location",
    "search_result_location",
)
_TITLES = ("document_title", "title", "source")


def read_citation(citation: Json, end: int) -> Annotation | None:
    """For the whole of a block whose text has ``end`` code points; None for a kind that nobody here knows."""
    kind = citation.get("type")
    cited = _text(citation, "cited_text")
    if kind == _OF_THE_WEB:
        return Annotation(
            kind="url",
            end=end,
            url=_text(citation, "url"),
            title=_text(citation, "title"),
            cited=cited,
        )
    if kind in _OF_DOCUMENTS:
        titles = (_text(citation, name) for name in _TITLES)
        return Annotation(
            kind="document",
            end=end,
            title=next((title for title in titles if title), None),
            file_id=_text(citation, "file_id"),
            cited=cited,
        )
    return None


def _text(citation: Json, name: str) -> str | None:
    value = citation.get(name)
    return value if isinstance(value, str) else None


def source_list(annotations: Sequence[Annotation], is_json: bool, loss: Loss) -> str:
    """What to say behind an annotated text, each page once; "" if there is nothing to.

    JSON takes no words behind it.
    """
    if any(annotation.kind == "document" for annotation in annotations):
        loss.approximated("reply.citations", "citations of documents were left out")
    pages = [note for note in annotations if note.kind == "url" and note.url]
    if not pages:
        return ""
    if is_json:
        loss.approximated("reply.citations", "left out, as the answer is JSON")
        return ""
    loss.approximated("reply.citations", "became a list of sources behind the text")
    lines = (f"- {' '.join((page.title or '').split())}: {page.url}" for page in pages)
    return "\n\nSources:\n" + "\n".join(dict.fromkeys(line.replace("- : ", "- ") for line in lines))
