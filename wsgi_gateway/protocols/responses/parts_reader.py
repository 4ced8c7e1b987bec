"""The content parts of a client's Responses request: text, images, files, sound."""

from collections.abc import Sequence

from wsgi_gateway.protocols import data_url
from wsgi_gateway.protocols.conversation import Audio, Document, Image, Json, Part, Refusal, Text
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.openai_requests import cache_of_breakpoint
from wsgi_gateway.protocols.responses import wire
from wsgi_gateway.protocols.words import Words

_TEXTS = ("input_text", "output_text", "text", "summary_text", "reasoning_text")


def _is_plain(part: wire.ContentPart[Words | None]) -> bool:
    return part.type in _TEXTS and not part.annotations and not part.prompt_cache_breakpoint


class PartsReader:
    """``lifetime`` is the request's own for cache breakpoints that say none."""

    def __init__(self, lifetime: object, loss: Loss) -> None:
        self._lifetime = lifetime
        self._loss = loss

    def plain(self, given: Sequence[wire.ContentPart[Words | None]] | None) -> Text | None:
        """Content that is one text and nothing else, as nearly all is; None for any other."""
        if given is None or len(given) != 1:
            return None
        (part,) = given
        return None if part.text is None or not _is_plain(part) else Text(words=part.text)

    def read(self, given: Sequence[wire.ContentPart[Words | None]], path: str) -> list[Part]:
        """``path`` is that of the array."""
        parts: list[Part] = []
        for number, part in enumerate(given):
            place = f"{path}[{number}]"
            parts.append(self._loss.at(place, self._part(part, place)))
        return parts

    def _part(self, part: wire.ContentPart[Words | None], path: str) -> Part:
        mark = part.prompt_cache_breakpoint
        cache = cache_of_breakpoint(mark, path, self._loss, self._lifetime) if mark else None
        match part.type:
            case kind if kind in _TEXTS:
                if part.text is None:
                    self._loss.refuse(f"{path}.text", "is required")
                if part.annotations:
                    where = f"{path}.annotations"
                    self._loss.dropped(where, "an earlier answer went on without them")
                return Text(words=part.text, cache=cache)
            case "refusal":
                return Refusal(text=part.refusal or "")
            case "input_image":
                return self._image(part, cache, path)
            case "input_file":
                return self._file(part, cache, path)
            case "input_audio":
                if part.input_audio is None:
                    self._loss.refuse(f"{path}.input_audio", "is required")
                sound = part.input_audio
                return Audio(data=sound.data, format=sound.format, cache=cache)
            case other:
                self._loss.refuse(path, f"content of type {other!r} cannot be translated")

    def _image(self, part: wire.ContentPart[Words | None], cache: Json | None, path: str) -> Image:
        if not part.image_url and not part.file_id:
            self._loss.refuse(path, "image_url or file_id is required")
        inline = data_url.split(part.image_url) if part.image_url else None
        if inline is None:
            return Image(url=part.image_url, file_id=part.file_id, detail=part.detail, cache=cache)
        media_type, data = inline
        return Image(data=data, media_type=media_type, detail=part.detail, cache=cache)

    def _file(
        self, part: wire.ContentPart[Words | None], cache: Json | None, path: str
    ) -> Document:
        if not (part.file_data or part.file_url or part.file_id):
            self._loss.refuse(path, "file_data, file_url or file_id is required")
        if part.detail not in (None, "auto"):
            self._loss.dropped(f"{path}.detail")
        inline = data_url.split(part.file_data) if part.file_data else None
        media_type, data = inline or ("application/pdf", part.file_data)
        return Document(
            data=data,
            media_type=media_type if data else None,
            url=part.file_url,
            file_id=part.file_id,
            filename=part.filename,
            cache=cache,
        )
