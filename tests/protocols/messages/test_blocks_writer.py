"""Parts as content blocks."""

import base64
from typing import Any

import pytest
from support.events import translation

from wsgi_gateway.protocols.conversation import Audio, Document, Image, Text
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.messages.blocks_writer import write_blocks

AT = "messages[1].content[0]"
CACHE = {"type": "ephemeral"}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nxxxx").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0xxxx").decode()
GIF = base64.b64encode(b"GIF89axxxx").decode()
WEBP = base64.b64encode(b"RIFFxxxxWEBP").decode()
WORDS = base64.b64encode("wörds".encode()).decode()


def block(part: Any) -> tuple[dict[str, Any], list[str]]:
    task = translation()
    (written,) = write_blocks([task.loss.at(AT, part)], task)
    return written, [entry.path for entry in task.loss.entries]


@pytest.mark.parametrize(
    ("data", "declared", "media_type"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "image/jpeg", "image/png"),
        (JPEG, "image/jpg", "image/jpeg"),
        (GIF, None, "image/gif"),
        (WEBP, "application/octet-stream", "image/webp"),
        ("AAAA", "image/png", "image/png"),
    ],
)
def test_images_go_under_their_real_type(data: str, declared: str | None, media_type: str) -> None:
    assert block(Image(data=data, media_type=declared, cache=CACHE)) == (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": media_type, "data": data},
            "cache_control": CACHE,
        },
        [],
    )


def test_an_image_by_url_and_its_detail() -> None:
    source = {"type": "url", "url": "https://x/y.png"}
    image = {"type": "image", "source": source}
    assert block(Image(url="https://x/y.png", detail="auto")) == (image, [])
    assert block(Image(url="https://x/y.png", detail="high")) == (image, [AT])


@pytest.mark.parametrize(
    ("document", "source"),
    [
        (
            Document(data="JVBE", media_type="application/pdf"),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
        ),
        (
            Document(data=WORDS, media_type="text/markdown"),
            {"type": "text", "media_type": "text/plain", "data": "wörds"},
        ),
        (Document(text="words"), {"type": "text", "media_type": "text/plain", "data": "words"}),
        (Document(url="https://x/y.pdf"), {"type": "url", "url": "https://x/y.pdf"}),
    ],
)
def test_documents(document: Document, source: dict[str, str]) -> None:
    assert block(document)[0] == {"type": "document", "source": source}


def test_a_documents_name_is_its_title() -> None:
    written, lost = block(Document(text="x", filename="a.txt", cache=CACHE))
    assert (written["title"], written["cache_control"], lost) == ("a.txt", CACHE, [])


@pytest.mark.parametrize(
    "part",
    [
        Image(data="AAAA", media_type="image/svg+xml"),
        Image(data="AAAA"),
        Image(url="data:image/svg+xml,<svg/>"),
        Image(file_id="file-1"),
        Audio(data="AAAA", format="wav"),
        Document(file_id="file-1"),
        Document(data="AAAA", media_type="application/zip"),
        Document(data="/w==", media_type="text/plain"),
        Document(data="not base64!", media_type="text/plain"),
    ],
)
def test_refused(part: Any) -> None:
    with pytest.raises(ApiError) as caught:
        block(part)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", AT)


def test_a_blank_text_alone_is_nothing() -> None:
    task = translation()
    assert write_blocks([Text(words=" ")], task) == [] == task.loss.entries
    assert write_blocks([Text(words=" ", cache=CACHE)], task) == []
    assert [entry.verdict for entry in task.loss.entries] == ["dropped"]


def test_an_image_over_the_models_limit_is_refused_by_its_path() -> None:
    task = translation(image_bytes=12)
    fits = Image(data=PNG, media_type="image/png")
    data = base64.b64encode(bytes(13)).decode()
    large = task.loss.at(AT, Image(data=data, media_type="image/png"))
    assert len(write_blocks([fits], task)) == 1
    with pytest.raises(ApiError, match="up to 12 bytes") as caught:
        write_blocks([fits, large], task)
    assert caught.value.param == AT


@pytest.mark.parametrize("ttl", ["30m", "12h"])
def test_a_lifetime_of_openais_is_an_hour(ttl: str) -> None:
    cache = {"type": "ephemeral", "ttl": ttl}
    task = translation()
    task.loss.at("messages[0].content[0].prompt_cache_breakpoint.ttl", cache)
    (written,) = write_blocks([Text(words="a", cache=cache)], task)
    assert written["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert [(entry.path, entry.verdict) for entry in task.loss.entries] == [
        ("messages[0].content[0].prompt_cache_breakpoint.ttl", "dropped")
    ]
    assert cache["ttl"] == ttl
