"""Searches as hosts bend them."""

from typing import Any

import pytest

from wsgi_gateway.protocols.events import Search
from wsgi_gateway.protocols.responses.searches import read_search


@pytest.mark.parametrize("odd", [True, 5, "text", {}, [None, 5]])
def test_what_is_no_list_of_queries_and_sources_is_passed_over(odd: Any) -> None:
    assert read_search({"queries": odd, "sources": odd}) == Search(queries=[], sources=[])


def test_the_one_query_counts_where_there_is_no_list() -> None:
    read = read_search({"query": "q", "sources": [{"url": "https://e.org", "title": 5}, "x"]})

    assert read == Search(queries=["q"], sources=[{"url": "https://e.org", "title": "5"}])
