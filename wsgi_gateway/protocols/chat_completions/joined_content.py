"""Chat's one content, joined of all the texts of a reply, and the annotations that refer to it.

Texts that belong to separate messages of the reply are set apart by a blank line. Both forms of a reply, full and
streamed, are joined here, so that they say the same.
"""

from wsgi_gateway.protocols.chat_completions.annotations import write_annotation
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import Annotation, PartKind
from wsgi_gateway.protocols.loss import Loss

_BLANK_LINE = "\n\n"


class JoinedContent:
    """Takes texts and refusals in the order of a reply, and tells what of them goes out."""

    def __init__(self, loss: Loss) -> None:
        self._loss = loss
        self._lengths: dict[PartKind, int] = {}
        self._begins: dict[int, int] = {}
        self._apart: set[int] = set()
        self._annotations: list[Json] = []

    @property
    def annotations(self) -> list[Json]:
        """All of them, once the content is whole: none reaches behind its end, where it may have been cut."""
        length = self._lengths.get("text", 0)
        for annotation in self._annotations:
            cited = annotation["url_citation"]
            cited["start_index"] = min(cited["start_index"], length)
            cited["end_index"] = min(cited["end_index"], length)
        return self._annotations

    def start(self, index: int, starts_message: bool, phase: str | None) -> None:
        """A text or refusal begins."""
        if starts_message:
            self._apart.add(index)
        if phase:
            self._loss.dropped("reply.phase", "Chat Completions does not tell a message's phase")

    def add(self, index: int, kind: PartKind, text: str) -> str:
        """The text as it goes out: the first one of a further message with a blank line before it."""
        length = self._lengths.get(kind, 0)
        if index not in self._begins:
            if length and index in self._apart:
                self._loss.approximated(
                    "reply.content", "several messages were joined by blank lines"
                )
                text = _BLANK_LINE + text
                self._begins[index] = length + len(_BLANK_LINE)
            else:
                self._begins[index] = length
        self._lengths[kind] = length + len(text)
        return text

    def add_all(self, index: int, kind: PartKind, texts: list[str]) -> list[str]:
        """As ``add``, for texts that follow each other."""
        first = self.add(index, kind, texts[0])
        if len(texts) == 1:
            return [first]
        self._lengths[kind] += len("".join(texts[1:]))
        return [first, *texts[1:]]

    def annotate(self, index: int, annotation: Annotation) -> None:
        begin = self._begins.get(index, self._lengths.get("text", 0))
        written = write_annotation(annotation, begin, self._loss)
        if written is not None:
            self._annotations.append(written)
