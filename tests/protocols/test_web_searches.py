"""What the readers and writers of the three APIs share about a search that the upstream runs."""

import pytest
from msgspec import Struct
from support.events import translation

from wsgi_gateway.protocols.conversation import Conversation, WebSearch
from wsgi_gateway.protocols.web_searches import location, most_uses, offered


class Place(Struct):
    city: str | None = None
    country: str | None = None


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (None, None),
        (Place(), None),
        (Place(city=""), None),
        (Place(city="Oslo", country=""), {"city": "Oslo"}),
    ],
)
def test_a_location_is_what_of_it_is_known(
    place: Place | None, known: dict[str, str] | None
) -> None:
    assert location(place) == known


@pytest.mark.parametrize(
    ("own", "of_all", "most"), [(None, None, None), (2, 3, 2), (None, 3, 3), (0, 3, 0)]
)
def test_a_limit_of_its_own_goes_before_that_of_all(
    own: int | None, of_all: int | None, most: int | None
) -> None:
    conversation = Conversation(api="responses", model="m", max_tool_calls=of_all)
    assert most_uses(WebSearch(max_uses=own), conversation) == most


def test_a_search_is_offered_where_it_runs() -> None:
    search = WebSearch()
    asked = Conversation(api="messages", model="m", web_search=search)
    task = translation("messages", web_search=("responses",))
    task.loss.at("tools[0]", search)
    assert offered(asked, "responses", task) is search
    assert task.loss.entries == []
    assert offered(asked, "chat_completions", task) is None
    assert [(entry.path, entry.verdict) for entry in task.loss.entries] == [
        ("tools[0]", "approximated")
    ]


def test_where_none_is_asked_for_none_is_lost() -> None:
    task = translation("messages")
    assert offered(Conversation(api="messages", model="m"), "responses", task) is None
    assert task.loss.entries == []
