"""The content blocks of a client's request, read into parts (protocols digest 6.2).

What only Anthropic can show a model is put into words.
"""

from collections.abc import Sequence
from typing import NoReturn

from wsgi_gateway.protocols.conversation import Document, Image, Json, Part, Text
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages import wire
from wsgi_gateway.protocols.words import Words


def plain_text(blocks: Sequence[wire.Block]) -> Text | None:
    """Of content that is one text and nothing else; None for any other."""
    if len(blocks) != 1:
        return None
    (block,) = blocks
    if type(block) is not wire.TextBlock or block.citations:
        return None
    return Text(words=block.text, cache=block.cache_control)


def read_parts(content: str | Sequence[wire.Block], path: str, loss: Loss) -> list[Part]:
    """The parts of a content that consists of nothing but parts, each placed. Raises as ``read_blocks``."""
    if isinstance(content, str):
        return [loss.at(path, Text(words=content))]
    return [
        part
        for number, block in enumerate(content)
        for part in read_blocks(block, f"{path}[{number}]", loss)
    ]


def read_blocks(block: wire.Block, path: str, loss: Loss) -> list[Part]:
    """The parts that a block becomes, placed at its path. Raises ApiError for one that no other API has."""
    if type(block) is wire.TextBlock:
        return [loss.at(path, _text(block, path, loss))]
    if type(block) is wire.DocumentBlock and type(block.source) is wire.ContentSource:
        return _document_of_blocks(block, block.source.content, path, loss)
    return [loss.at(path, part) for part in _parts(block, path, loss)]


def _parts(block: wire.Block, path: str, loss: Loss) -> list[Part]:
    match block:
        case wire.TextBlock():
            return [_text(block, path, loss)]
        case wire.ImageBlock():
            return [_image(block, path, loss)]
        case wire.DocumentBlock():
            return _document(block, path, loss)
        case wire.SearchResultBlock():
            return [_search_result(block, path, loss)]
        case wire.ToolReferenceBlock():
            loss.approximated(path, "a tool reference became text")
            return [Text(words=f"[tool: {block.tool_name}]")]
        case wire.ServerToolUseBlock():
            return [_server_text(f"{block.name} was called", block.input, path, loss)]
        case wire.WebSearchResultBlock():
            kind = str(block.__struct_config__.tag).removesuffix("_tool_result")
            return [_server_text(f"{kind} gave", block.content, path, loss)]
        case _:
            tag = block.__struct_config__.tag
            loss.refuse(path, f"a block of type {tag!r} cannot be carried from here")


def _text(block: wire.TextBlock[Words], path: str, loss: Loss) -> Text:
    if block.citations:
        loss.dropped(f"{path}.citations", "an earlier answer went on without them")
    return Text(words=block.text, cache=block.cache_control)


def _search_result(block: wire.SearchResultBlock, path: str, loss: Loss) -> Text:
    loss.approximated(path, "a search result became text")
    _forgo_citations(block.citations, path, loss)
    said = "\n".join(text.text for text in block.content)
    return Text(words=f"{block.title}\n{block.source}\n\n{said}", cache=block.cache_control)


def _server_text(what: str, value: object, path: str, loss: Loss) -> Text:
    loss.approximated(path, "calls and results of Anthropic's own tools became text")
    return Text(words=f"[{what}: {encode(_without_ciphertext(value)).decode()}]")


def _image(block: wire.ImageBlock, path: str, loss: Loss) -> Image:
    if block.transformations:
        field = f"{path}.transformations"
        if block.transformations.get("oversized_image") == "error":
            loss.refuse(field, "the upstream makes large images smaller without a word")
        loss.dropped(field)
    match block.source:
        case wire.Base64Source(media_type=media_type, data=data):
            return Image(data=data, media_type=media_type, cache=block.cache_control)
        case wire.UrlSource(url=url):
            return Image(url=url, cache=block.cache_control)
        case wire.FileSource():
            _refuse_file(path, loss)


def _document(block: wire.DocumentBlock, path: str, loss: Loss) -> list[Part]:
    before = _context(block, path, loss)
    about: Json = {"filename": block.title, "cache": block.cache_control}
    match block.source:
        case wire.Base64Source(media_type=media_type, data=data):
            return [*before, Document(data=data, media_type=media_type, **about)]
        case wire.UrlSource(url=url):
            return [*before, Document(url=url, **about)]
        case wire.TextSource(data=text):
            return [*before, Document(text=text, **about)]
        case _:
            _refuse_file(path, loss)


def _document_of_blocks(
    block: wire.DocumentBlock,
    content: str | Sequence[wire.TextBlock[Words] | wire.ImageBlock],
    path: str,
    loss: Loss,
) -> list[Part]:
    """The title and the content; the document's breakpoint is behind the last of it."""
    before = _context(block, path, loss)
    if block.title:
        before.append(Text(words=block.title))
    loss.approximated(f"{path}.source.content", "a document of content blocks became its content")
    parts = [loss.at(path, part) for part in before]
    parts += read_parts(content, f"{path}.source.content", loss)
    if parts and block.cache_control and isinstance(parts[-1], Text | Image):
        parts[-1].cache = parts[-1].cache or block.cache_control
    return parts


def _context(block: wire.DocumentBlock, path: str, loss: Loss) -> list[Part]:
    _forgo_citations(block.citations, path, loss)
    if not block.context:
        return []
    loss.approximated(f"{path}.context", "became text before the document")
    return [Text(words=block.context)]


def _forgo_citations(citations: wire.Citations | None, path: str, loss: Loss) -> None:
    if citations and citations.enabled:
        loss.approximated(f"{path}.citations", "the upstream gives no citations")


def _refuse_file(path: str, loss: Loss) -> NoReturn:
    loss.refuse(f"{path}.source", "a file id is known to its own provider only")


def _without_ciphertext(value: object) -> object:
    """What a model can read of a result."""
    if isinstance(value, list):
        return [_without_ciphertext(entry) for entry in value]
    if isinstance(value, dict):
        return {
            name: _without_ciphertext(entry)
            for name, entry in value.items()
            if not name.startswith("encrypted_")
        }
    return value
