"""The content of a client's messages, read into parts, each of which knows its place in the request."""

from collections.abc import Sequence

from wsgi_gateway.protocols import conversation as model
from wsgi_gateway.protocols import data_url
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.conversation import Json, Part, Text
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.openai_requests import cache_of_breakpoint
from wsgi_gateway.protocols.words import Words


def read_content(
    content: Sequence[wire.ContentPart[Words | None]], path: str, loss: Loss
) -> list[Part]:
    """The parts of the ``content`` at ``path``. Raises ApiError for a part that is incomplete or of no known type."""
    parts: list[Part] = []
    for number, part in enumerate(content):
        place = f"{path}[{number}]"
        parts.append(loss.at(place, _part(part, place, loss)))
    return parts


def _part(part: wire.ContentPart[Words | None], path: str, loss: Loss) -> Part:
    cache = part.cache_control or cache_of_breakpoint(part.prompt_cache_breakpoint, path, loss)
    match part.type:
        case "text" if part.text is not None:
            return Text(words=part.text, cache=cache)
        case "refusal" if part.refusal is not None:
            return model.Refusal(text=part.refusal)
        case "image_url" if part.image_url is not None:
            return _image(part.image_url, cache)
        case "file" if part.file is not None:
            return _file(part.file, path, cache, loss)
        case "input_audio" if part.input_audio is not None:
            audio = part.input_audio
            return model.Audio(data=audio.data, format=audio.format, cache=cache)
        case "text" | "refusal" | "image_url" | "file" | "input_audio" as kind:
            loss.refuse(f"{path}.{kind}", "is required")
        case other:
            loss.refuse(path, f"content of type {other!r} cannot be carried to the upstream's API")


def _image(image: wire.ImageUrl | str, cache: Json | None) -> model.Image:
    if isinstance(image, str):
        image = wire.ImageUrl(image)
    inline = data_url.split(image.url)
    if inline is None:
        return model.Image(url=image.url, detail=image.detail, cache=cache)
    media_type, data = inline
    return model.Image(data=data, media_type=media_type, detail=image.detail, cache=cache)


def _file(file: wire.File, path: str, cache: Json | None, loss: Loss) -> model.Document:
    if not file.file_data and not file.file_id:
        loss.refuse(f"{path}.file.file_data", "is required")
    inline = data_url.split(file.file_data) if file.file_data else None
    media_type, data = inline or ("application/pdf", file.file_data)
    return model.Document(
        data=data,
        media_type=media_type if data else None,
        file_id=file.file_id,
        filename=file.filename,
        cache=cache,
    )
