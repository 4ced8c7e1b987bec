"""Conversations as logs: what is in one, and since when."""

from __future__ import annotations

from typing import Any

import pytest
from support.cut_off import CutOff

from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.state import Conversations, Said, Store, StoreDown, conversations
from wsgi_gateway.state import store as store_module
from wsgi_gateway.state.memory import MemoryBackend

ONE, TWO = {"id": "fc_1", "type": "function_call"}, {"id": "fc_2", "type": "function_call"}


def said(*items: Any) -> list[Said]:
    return [Said(item, None) for item in items]


@pytest.fixture
def kept() -> Conversations:
    return Conversations(Store(MemoryBackend(ttl=60, max_items=1000), "memory").within(""))


def test_what_was_added_is_there_in_order(kept: Conversations) -> None:
    made = kept.create({"a": "b"}, said(ONE))
    kept.add(made, said(TWO, {"role": "user", "content": "Hi"}))
    found = kept.get(made.id)
    assert list(found.items)[:2] == ["fc_1", "fc_2"]
    assert found.items["fc_1"] == ONE
    assert [item["type"] for item in found.items.values()][2:] == ["message"]
    assert (found.metadata, found.created_at) == ({"a": "b"}, made.created_at)
    assert found == made


def test_its_past_is_what_was_said_before_a_length(kept: Conversations) -> None:
    made = kept.create({}, said(ONE))
    length = made.length
    kept.add(made, said(TWO))
    assert list(kept.get(made.id, length).items) == ["fc_1"]
    kept.remove(made, "fc_1")
    assert list(kept.get(made.id, length).items) == []
    assert list(kept.get(made.id).items) == ["fc_2"]


def test_an_id_is_one_item_s_alone(kept: Conversations) -> None:
    made = kept.create({}, said(ONE))
    added = kept.add(made, said(ONE, TWO, TWO, {"type": "reasoning", "id": ""}))
    assert [item["id"] for item in added].count("fc_2") == 1
    assert "fc_1" not in [item["id"] for item in added]
    assert added[3]["id"].startswith("rs_")
    assert len(kept.get(made.id).items) == 5


def test_nothing_is_added_to_what_was_deleted_meanwhile(kept: Conversations) -> None:
    made = kept.create({}, [])
    kept.delete(made.id)
    for change in (
        lambda: kept.add(made, said(ONE)),
        lambda: kept.get(made.id),
        lambda: kept.update(made.id, {}),
        lambda: kept.delete(made.id),
    ):
        with pytest.raises(ApiError) as told:
            change()
        assert told.value.kind == "not_found"


@pytest.mark.parametrize("is_written", [False, True])
def test_who_adds_again_adds_the_same(monkeypatch: pytest.MonkeyPatch, is_written: bool) -> None:
    """After a failure nobody knows whether the items are there."""
    monkeypatch.setattr(store_module, "_PAUSE", 0.0)
    backend = CutOff()
    kept = Conversations(Store(backend, "memory").within(""))
    made = kept.create({}, said(ONE))
    if is_written:
        backend.dies_after = 1
    else:
        backend.dies_before = 1
    with pytest.raises(StoreDown):
        kept.add(made, said(TWO))
    assert list(made.items) == ["fc_1"]
    assert kept.add(made, said(TWO)) == [TWO]
    assert list(kept.get(made.id).items) == ["fc_1", "fc_2"]


def test_a_log_is_bounded(kept: Conversations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_MOST_ENTRIES", 3)
    made = kept.create({}, said(ONE, TWO))
    with pytest.raises(ApiError) as told:
        kept.add(made, said(ONE))
    assert told.value.kind == "invalid_request"


def test_long_ones_are_read_whole(kept: Conversations) -> None:
    made = kept.create({}, [])
    for _ in range(3):
        kept.add(made, said(*[{"type": "reasoning"}] * 700))
    assert len(kept.get(made.id).items) == 2100
