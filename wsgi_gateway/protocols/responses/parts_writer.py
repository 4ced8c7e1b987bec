"""The parts of messages and of tools' outputs, as a Responses upstream takes them."""

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
    ToolResult,
)
from wsgi_gateway.protocols.openai_requests import (
    breakpoint_of_cache,
    check_file_id,
    document_text,
)
from wsgi_gateway.protocols.plain_parts import plain_words
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import Words


class PartsWriter:
    """Cache breakpoints are kept where the model knows them."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self._loss = translation.loss
        self._has_breakpoints = translation.capabilities.cache_breakpoints

    def write(self, parts: Sequence[Part]) -> list[Json]:
        return [self._part(part) for part in parts]

    def write_output(self, parts: Sequence[Part], result: ToolResult) -> Words | list[Json]:
        """A result's output. A breakpoint behind the whole of it stands behind its last part."""
        words = None if result.cache else plain_words(parts)
        if words is not None:
            return words
        if self._has_breakpoints:
            marked = bool(result.cache or any(part.cache for part in parts))
        else:
            marked = False
            self.drop_cache(result)
        if not marked and all(isinstance(part, Text) for part in parts[:1]) and len(parts) < 2:
            for part in parts:
                self.drop_cache(part)
            return "".join(part.text for part in parts if isinstance(part, Text))
        output = self.write(parts or [Text(words="")])
        if marked:
            output[-1] |= breakpoint_of_cache(result, result.cache, self._translation)
        return output

    def drop_cache(self, thing: Part | ToolResult) -> None:
        """Note a breakpoint for which there is no place."""
        if thing.cache:
            self._loss.dropped(thing, "no place for its cache_control upstream")

    def _part(self, part: Part) -> Json:
        body = self._content(part)
        return (
            body | breakpoint_of_cache(part, part.cache, self._translation) if part.cache else body
        )

    def _content(self, part: Part) -> Json:
        match part:
            case Text():
                return {"type": "input_text", "text": part.words}
            case Refusal():
                return {"type": "input_text", "text": part.text}
            case Image():
                return self._image(part)
            case Document():
                return self._document(part)
            case Audio():
                self._loss.refuse(part, "the upstream's API takes no sound")

    def _image(self, image: Image) -> Json:
        body: Json = {"type": "input_image", "detail": image.detail or "auto"}
        if image.file_id is not None:
            check_file_id(image, self._translation)
            body["file_id"] = image.file_id
        else:
            body["image_url"] = image.url or data_url.join(image.media_type, image.data or "")
        return body

    def _document(self, document: Document) -> Json:
        if document.text is not None:
            said = document_text(document, document.text, self._translation)
            return {"type": "input_text", "text": said}
        body: Json = {"type": "input_file"}
        if document.file_id is not None:
            check_file_id(document, self._translation)
            body["file_id"] = document.file_id
        elif document.data is not None:
            body["filename"] = document.filename or "document.pdf"
            body["file_data"] = data_url.join(document.media_type, document.data)
        else:
            body["file_url"] = document.url
        return body
