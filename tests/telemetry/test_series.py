"""Series that several processes count in one memory. Here the workers are objects of one process."""

from __future__ import annotations

import os
import threading

import pytest

from wsgi_gateway.telemetry import series as module
from wsgi_gateway.telemetry.series import Family, Region, Series

REQUESTS, SECONDS, ILL = 0, 1, 2
FAMILIES = (
    Family("requests", "Requests.", ("api",)),
    Family("seconds", "Seconds.", ("api", "model"), (1.0, 2.0)),
    Family("ill", "Who is ill.", ("name",), is_gauge=True),
)


@pytest.fixture
def series() -> Series:
    return Series(FAMILIES)


def worker(series: Series, name: str) -> Region:
    """Begins one; as the last that began, it is the one that asks."""
    series.worker_begins(name)
    return series.region


def count(region: Region, family: int, *labels: str, more: float = 1) -> None:
    region.numbers[region.at(family, *labels)] += more


def test_a_process_counts_for_itself_alone(series: Series) -> None:
    assert series.totals() == {REQUESTS: {}, SECONDS: {}, ILL: {}}
    count(series.region, REQUESTS, "messages")
    count(series.region, REQUESTS, "messages")
    count(series.region, REQUESTS, "")
    assert series.totals()[REQUESTS] == {("messages",): [2], ("",): [1]}


def test_all_workers_are_added_up(series: Series) -> None:
    first, second = worker(series, "a"), worker(series, "b")
    count(first, REQUESTS, "messages", more=2)
    count(first, SECONDS, "messages", "m")
    count(second, SECONDS, "responses", "m")
    count(second, SECONDS, "messages", "m", more=3)
    count(second, ILL, "x")
    assert series.totals() == {
        REQUESTS: {("messages",): [2]},
        SECONDS: {("messages", "m"): [4, 0, 0, 0], ("responses", "m"): [1, 0, 0, 0]},
        ILL: {("x",): [1]},
    }


def test_what_a_dead_worker_counted_stays_but_for_its_gauges(series: Series) -> None:
    first, second = worker(series, "a"), worker(series, "b")
    for region in (first, second):
        count(region, REQUESTS, "messages")
        count(region, ILL, "x")
    series.worker_ended("a")
    assert series.totals()[REQUESTS] == {("messages",): [2]}
    assert series.totals()[ILL] == {("x",): [1]}
    third = worker(series, "c")
    assert series.totals()[REQUESTS] == {("messages",): [2]}, "it begins with nothing"
    count(third, REQUESTS, "responses")
    series.worker_ended("b")
    series.worker_ended("c")
    series.worker_ended("nobody")
    assert series.totals()[REQUESTS] == {("messages",): [2], ("responses",): [1]}
    assert series.totals()[ILL] == {}


def test_a_real_fork_that_is_killed(series: Series) -> None:
    region = worker(series, "child")
    pid = os.fork()
    if not pid:
        count(region, SECONDS, "messages", "a model: 模型", more=0.5)
        os._exit(9)
    os.waitpid(pid, 0)
    series.worker_ended("child")
    worker(series, "another")
    assert series.totals()[SECONDS] == {("messages", "a model: 模型"): [0.5, 0, 0, 0]}


def test_nobody_adds_up_while_a_dead_worker_is_taken_over(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(worker(series, "a"), REQUESTS, "messages")
    worker(series, "b")
    halfway, go_on = threading.Event(), threading.Event()
    clear = Region.clear

    def slowly(region: Region) -> None:
        halfway.set()
        assert go_on.wait(20)
        clear(region)

    monkeypatch.setattr(Region, "clear", slowly)
    taking_over = threading.Thread(target=series.worker_ended, args=("a",))
    taking_over.start()
    assert halfway.wait(20)
    waited = []

    def wait(_: float) -> None:
        waited.append(1)
        go_on.set()
        taking_over.join()

    monkeypatch.setattr(module.time, "sleep", wait)
    assert series.totals()[REQUESTS] == {("messages",): [1]}, "not twice"
    assert waited


def test_labels_are_whatever_anybody_writes(series: Series) -> None:
    for label in ("a\nb", "a\x1fb", "\u2028", "\ud800", "a b", 'a"b\\'):
        count(series.region, REQUESTS, label)
    told = series.totals()[REQUESTS]
    assert sum(numbers[0] for numbers in told.values()) == 6
    assert {("a?b",), ("?",), ("a b",), ('a"b\\',)} == set(told)


def test_where_there_is_no_room_the_known_series_still_count(series: Series) -> None:
    region = worker(series, "a")
    count(region, REQUESTS, "known")
    number = 0
    while place := region.at(SECONDS, "api", f"model {number}"):
        assert place + 4 <= len(region.numbers)
        region.numbers[place + 3] += 1
        number += 1
    assert not region.has_room
    count(region, SECONDS, "api", "one more")
    count(region, REQUESTS, "known")
    told = series.totals()
    assert told[REQUESTS] == {("known",): [2]}
    assert len(told[SECONDS]) == number > 1000
    series.worker_ended("a")
    worker(series, "b")
    assert series.totals() == told, "there is more room for the dead"


def test_what_very_many_dead_workers_counted_stays_in_the_sum(series: Series) -> None:
    for name in range(16):
        region = worker(series, f"worker {name}")
        for number in range(1000):
            count(region, SECONDS, "api", f"model {name}-{number}")
        count(region, REQUESTS, "messages")
        count(region, ILL, "x")
        series.worker_ended(f"worker {name}")
    told = series.totals()
    assert told[REQUESTS] == {("messages",): [16]}
    assert sum(sum(numbers) for numbers in told[SECONDS].values()) == 16_000
    assert told[SECONDS]["api", "model 0-0"] == [1, 0, 0, 0]
    assert told[SECONDS]["other", "other"][0] > 0
    assert told[ILL] == {}


def test_more_workers_than_there_is_room_for(
    series: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WORKERS", 1)
    count(worker(series, "a"), REQUESTS, "messages")
    count(worker(series, "b"), REQUESTS, "messages")
    assert series.totals()[REQUESTS] == {("messages",): [2]}, "itself and those with room"
    series.worker_ended("b")
    series.worker_ended("a")
    count(worker(series, "c"), REQUESTS, "messages")
    assert series.totals()[REQUESTS] == {("messages",): [2]}
