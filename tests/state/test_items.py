"""Items in the form of a listing, and pages of them."""

from typing import Any

import pytest

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state.items import derived_id, listed, page

ITEMS = [{"id": f"msg_{number}"} for number in range(5)]


def ids(**query: str) -> list[str]:
    return [item["id"][4:] for item in page(ITEMS, query)["data"]]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"role": "user", "content": "Hi"}, {"type": "input_text", "text": "Hi"}),
        (
            {"role": "assistant", "content": "Hi", "type": None, "id": None},
            {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []},
        ),
    ],
)
def test_the_easy_form_of_a_message_is_written_out(given: Any, text: Any) -> None:
    item = listed(given)
    assert item == {
        "type": "message",
        "role": given["role"],
        "status": "completed",
        "content": [text],
    }


def test_other_items_stay_as_they_are() -> None:
    for item in ({"type": "function_call", "id": "fc_1"}, {"type": "new", "content": "x"}):
        assert listed(item) == item


def test_a_derived_id_is_its_items_own() -> None:
    message: dict[str, str] = {"type": "message"}
    first = derived_id(message, "resp_1", 0)
    assert first.startswith("msg_")
    assert first == derived_id(message, "resp_1", 0)
    assert len({first, derived_id(message, "resp_1", 1), derived_id(message, "resp_2", 0)}) == 3
    assert derived_id({"type": "brand_new"}, "resp_\ud800", 0).startswith("item_")


def test_pages() -> None:
    assert ids() == ["4", "3", "2", "1", "0"]
    assert ids(order="asc", limit="2") == ["0", "1"]
    assert ids(limit="2", after="msg_3") == ["2", "1"]
    assert ids(order="asc", after="msg_4") == []
    assert ids(order="asc", limit="2", before="msg_4") == ["2", "3"]
    assert ids(order="asc", after="msg_0", before="msg_3") == ["1", "2"]


def test_a_page_says_where_it_is() -> None:
    told = page(ITEMS, {"limit": "2", "after": "msg_3"})
    assert (told["object"], told["first_id"], told["last_id"]) == ("list", "msg_2", "msg_1")
    assert told["has_more"] is True
    assert page(ITEMS, {"after": "msg_2"})["has_more"] is False
    assert page(ITEMS, {"before": "msg_0", "limit": "4"})["has_more"] is False
    assert page(ITEMS, {"before": "msg_0", "limit": "3"})["has_more"] is True
    empty = page([], {})
    assert (empty["data"], empty["first_id"], empty["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit", "0"), ("limit", "101"), ("limit", "²"), ("order", "up"), ("after", "msg_9")],
)
def test_what_is_no_page_is_refused(name: str, value: str) -> None:
    with pytest.raises(ApiError) as refused:
        page(ITEMS, {name: value})
    assert (refused.value.kind, refused.value.param) == ("invalid_request", name)
