"""Counters in memory and in Redis: the same is counted, whoever counts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import redis
from support.databases import RedisServer
from support.until import until

from wsgi_gateway.access import memory_counters
from wsgi_gateway.access.memory_counters import MemoryCounters
from wsgi_gateway.access.redis_counters import RedisCounters
from wsgi_gateway.access.windows import Counters, CountersDown, Gauge
from wsgi_gateway.config import Rate, Secret

REQUESTS = Gauge("requests", "requests a 3600", Rate(3, 3600))
TOKENS = Gauge("tokens", "tokens a 3600", Rate(100, 3600))
START = 3_600_000.0


@pytest.fixture(params=["memory", "redis"])
def counters(request: pytest.FixtureRequest) -> Counters:
    if request.param == "memory":
        return MemoryCounters()
    server: RedisServer = request.getfixturevalue("redis_server")
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return RedisCounters(Secret(server.url))


def test_requests_are_counted_when_they_come(counters: Counters) -> None:
    used = [counters.admit((REQUESTS,))[0][0][0] for _ in range(3)]
    assert [round(each) for each in used] == [1, 2, 3]
    levels, full = counters.admit((REQUESTS,))
    assert full is not None
    assert full.gauge == REQUESTS
    assert 0 < full.wait <= 2 * 3600
    assert 0 < levels[0][1] <= 2 * 3600


def test_tokens_are_counted_afterwards_and_beyond_the_limit(counters: Counters) -> None:
    gauges = (REQUESTS, TOKENS)
    levels, full = counters.admit(gauges)
    assert (levels[1], full) == ((0.0, 0.0), None)
    counters.add({TOKENS: 60})
    levels, full = counters.admit(gauges)
    assert (round(levels[1][0]), full) == (60, None)
    counters.add({TOKENS: 5000})
    levels, full = counters.admit(gauges)
    assert full is not None
    assert full.gauge == TOKENS
    assert round(levels[1][0]) == 5060


def test_of_the_same_name_the_same_is_counted(counters: Counters) -> None:
    more = Gauge("requests", REQUESTS.name, Rate(5, 3600))
    for _ in range(3):
        counters.admit((REQUESTS,))
    assert counters.admit((REQUESTS,))[1] is not None
    assert counters.admit((more,))[1] is None


@pytest.mark.parametrize("in_front", [True, False])
def test_who_is_refused_by_one_limit_uses_nothing_of_the_others(
    counters: Counters, in_front: bool
) -> None:
    daily = Gauge("requests", "requests a 86400", Rate(1000, 86_400))
    gauges = (daily, REQUESTS) if in_front else (REQUESTS, daily)
    for number in range(9):
        assert (counters.admit(gauges)[1] is None) == (number < 3)
    assert round(counters.admit((daily,))[0][0][0]) == 4
    counters.add({TOKENS: 100})
    assert counters.admit((daily, TOKENS))[1] is not None
    assert round(counters.admit((daily,))[0][0][0]) == 5


# --- memory


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    now = [START]
    monkeypatch.setattr(memory_counters, "monotonic", lambda: now[0])

    def go_on(seconds: float) -> None:
        now[0] += seconds

    yield go_on


def test_a_window_slides(clock: Callable[[float], None]) -> None:
    counters = MemoryCounters()
    clock(3000)
    for _ in range(3):
        assert counters.admit((REQUESTS,))[1] is None
    clock(600)  # A third of the hour before still counts when two thirds of the next are over.
    full = counters.admit((REQUESTS,))[1]
    assert full is not None
    assert full.wait == 1200
    clock(1200)
    assert counters.admit((REQUESTS,))[1] is None
    assert counters.admit((REQUESTS,))[1] is not None
    clock(3 * 3600)
    assert counters.admit((REQUESTS,))[0] == [(1, 2400 + 3600)]


def test_a_clock_that_is_set_back_changes_nothing(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = [START]
    monkeypatch.setattr(memory_counters, "time", lambda: wall[0], raising=False)
    counters = MemoryCounters()
    many = Gauge("requests", "requests a 60", Rate(60, 60))
    for seconds in (50, 10, -3600):
        wall[0] += seconds
        clock(max(seconds, 0))
        for _ in range(20):
            levels, full = counters.admit((many,))
            assert full is None
    assert levels == [(60, 120)]


def test_windows_are_bounded(
    clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_counters, "_MOST_WINDOWS", 3)
    counters = MemoryCounters()

    def gauge(name: str) -> Gauge:
        return Gauge("tokens", name, Rate(10, 60))

    counters.admit((gauge("unused"),))
    for name in ("a", "b", "c"):
        counters.add({gauge(name): 1})
    kept = ("a", "b", "c")
    assert [counters.admit((gauge(name),))[0][0][0] for name in kept] == [1, 1, 1]
    counters.add({gauge("d"): 1})
    assert [counters.admit((gauge(name),))[0][0][0] for name in ("b", "c", "d")] == [1, 1, 1]
    clock(200)
    counters.add({gauge("e"): 1})
    assert len(counters._windows) == 1


# --- Redis


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    yield redis_server
    redis_server.start()


def test_what_was_counted_is_gone_when_it_no_longer_counts(server: RedisServer) -> None:
    counters = RedisCounters(Secret(server.url))
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        counters.admit((REQUESTS, TOKENS))
        counters.add({TOKENS: 5})
        keys = list(client.scan_iter("*"))
        assert sorted(keys) == [
            b"wsgi_gateway:limits:{requests a 3600}",
            b"wsgi_gateway:limits:{tokens a 3600}",
        ]
        assert all(0 < client.ttl(key) <= 7200 for key in keys)


def test_a_server_that_is_away_is_asked_once_a_second(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = RedisCounters(Secret(server.url))
    counters.admit((REQUESTS,))
    asked: list[object] = []
    execute = counters._execute

    def counted(ask: Callable[[object], None]) -> list[object]:
        asked.append(ask)
        return execute(ask)

    monkeypatch.setattr(counters, "_execute", counted)
    server.kill()
    for _ in range(50):
        with pytest.raises(CountersDown):
            counters.admit((REQUESTS,))
        with pytest.raises(CountersDown):
            counters.add({TOKENS: 1})
    assert len(asked) < 50
    server.start()
    until(lambda: is_back(counters))


def is_back(counters: RedisCounters) -> bool:
    try:
        counters.admit((TOKENS,))
    except CountersDown:
        return False
    return True


def test_a_server_that_says_nothing_is_not_waited_for_by_many(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = RedisCounters(Secret(server.url))
    monkeypatch.setattr(counters, "_ask_again", 1e-9)  # It has failed, and a second is over.
    entered, go_on = threading.Event(), threading.Event()

    def hang(_: object) -> list[object]:
        entered.set()
        go_on.wait(30)
        raise redis.TimeoutError

    monkeypatch.setattr(counters, "_execute", hang)
    first = threading.Thread(target=is_back, args=(counters,))
    first.start()
    assert entered.wait(30)
    for _ in range(100):
        with pytest.raises(CountersDown):
            counters.admit((TOKENS,))
    go_on.set()
    first.join()
