"""Citations as annotations, and annotations as a list of sources (protocols digest 6.13)."""

from typing import Any

import pytest

from wsgi_gateway.protocols.events import Annotation
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.citations import read_citation, source_list

OF_THE_WEB = {
    "type": "web_search_result_location",
    "url": "https://a.example/x",
    "title": "A",
    "encrypted_index": "E",
    "cited_text": "so it is",
}


def page(url: str, title: str | None = None) -> Annotation:
    return Annotation(kind="url", end=3, url=url, title=title)


def test_a_page_of_the_web() -> None:
    assert read_citation(OF_THE_WEB, 5) == Annotation(
        kind="url",
        start=0,
        end=5,
        url="https://a.example/x",
        title="A",
        cited="so it is",
    )


@pytest.mark.parametrize(
    ("citation", "title", "file_id"),
    [
        (
            {"type": "char_location", "document_index": 0, "document_title": "T", "file_id": "f"},
            "T",
            "f",
        ),
        ({"type": "page_location", "document_title": None}, None, None),
        ({"type": "content_block_location", "document_title": "T"}, "T", None),
        ({"type": "search_result_location", "source": "https://s", "title": "S"}, "S", None),
        ({"type": "search_result_location", "source": "https://s"}, "https://s", None),
    ],
)
def test_documents(citation: dict[str, Any], title: str | None, file_id: str | None) -> None:
    given = {**citation, "cited_text": "words"}
    assert read_citation(given, 9) == Annotation(
        kind="document", end=9, title=title, file_id=file_id, cited="words"
    )


def test_what_nobody_knows_is_none() -> None:
    assert read_citation({"type": "hologram_location"}, 3) is None


def test_a_list_of_sources_names_each_page_once() -> None:
    loss = Loss("messages")
    pages = [page("https://a", "A\n one"), page("https://b"), page("https://a", "A one")]
    assert source_list(pages, False, loss) == "\n\nSources:\n- A one: https://a\n- https://b"
    assert [entry.verdict for entry in loss.entries] == ["approximated"]


def test_json_takes_no_words_behind_it() -> None:
    loss = Loss("messages")
    assert source_list([page("https://a")], True, loss) == ""
    assert [entry.note for entry in loss.entries] == ["left out, as the answer is JSON"]


def test_documents_are_left_out_and_noted() -> None:
    loss = Loss("messages")
    assert source_list([Annotation(kind="document", title="T")], False, loss) == ""
    assert [entry.note for entry in loss.entries] == ["citations of documents were left out"]
    assert source_list([], False, silent := Loss("messages")) == ""
    assert silent.entries == []
