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
from wsgi_gateway.protocols.translation import Translation

_ONE_STORE = ("chat_completions", "responses")


class PartsWriter:
    """``api`` is the client's. Cache breakpoints are kept where the model knows them."""

    def __init__(self, api: str, translation: Translation) -> None:
        self._api = api
        self._loss = translation.loss
        self._has_breakpoints = translation.capabilities.cache_breakpoints

    def write(self, parts: Sequence[Part]) -> list[Json]:
        return [self._part(part) for part in parts]

    def write_output(self, parts: Sequence[Part], result: ToolResult) -> str | list[Json]:
        """A result's output. A breakpoint behind the whole of it stands behind its last part."""
        if self._has_breakpoints:
            marked = bool(result.cache or any(_cache(part) for part in parts))
        else:
            marked = False
            self.drop_cache(result)
        if not marked and all(isinstance(part, Text) for part in parts[:1]) and len(parts) < 2:
            for part in parts:
                self.drop_cache(part)
            return "".join(part.text for part in parts if isinstance(part, Text))
        output = self.write(parts or [Text(text="")])
        if marked and result.cache:
            output[-1] |= self._breakpoint(result.cache, result)
        return output

    def drop_cache(self, thing: Part | ToolResult) -> None:
        """Note a breakpoint for which there is no place."""
        if _cache(thing):
            self._loss.dropped(thing, "no place for its cache_control upstream")

    def _part(self, part: Part) -> Json:
        body = self._content(part)
        cache = _cache(part)
        if cache and self._has_breakpoints:
            return body | self._breakpoint(cache, part)
        self.drop_cache(part)
        return body

    def _breakpoint(self, cache: Json, where: object) -> Json:
        """OpenAI's default lifetime covers Messages' five minutes."""
        mark: Json = {"mode": "explicit"}
        if cache.get("ttl") == "1h":
            mark["ttl"] = "30m"
            self._loss.dropped(where, "its cache_control of 1h became one of 30m, the nearest")
        return {"prompt_cache_breakpoint": mark}

    def _content(self, part: Part) -> Json:
        match part:
            case Text() | Refusal():
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
            self._check_file_id(image)
            body["file_id"] = image.file_id
        else:
            body["image_url"] = image.url or data_url.join(image.media_type, image.data or "")
        return body

    def _document(self, document: Document) -> Json:
        if document.text is not None:
            self._loss.approximated(document, "a text document was sent as plain text")
            title = f"{document.filename}:\n" if document.filename else ""
            return {"type": "input_text", "text": title + document.text}
        body: Json = {"type": "input_file"}
        if document.file_id is not None:
            self._check_file_id(document)
            body["file_id"] = document.file_id
        elif document.data is not None:
            body["filename"] = document.filename or "document.pdf"
            body["file_data"] = data_url.join(document.media_type, document.data)
        else:
            body["file_url"] = document.url
        return body

    def _check_file_id(self, part: Part) -> None:
        """OpenAI's two APIs share one file store; any other provider's ids mean nothing there."""
        if self._api not in _ONE_STORE:
            self._loss.refuse(part, "a file id is known to its own provider only")


def _cache(thing: Part | ToolResult) -> Json | None:
    return None if isinstance(thing, Refusal) else thing.cache
