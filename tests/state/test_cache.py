"""The cache's bounds."""

from wsgi_gateway.state.cache import BoundedCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_there_until_it_expires() -> None:
    clock = Clock()
    cache: BoundedCache[str, bytes] = BoundedCache(ttl=10, clock=clock)
    cache.put("a", b"1")
    assert cache.get("a") == b"1"
    clock.now = 10.5
    assert cache.get("a") is None


def test_the_oldest_goes_first() -> None:
    cache: BoundedCache[str, bytes] = BoundedCache(ttl=10, max_items=2)
    for key in "abc":
        cache.put(key, b"x")
    assert [cache.get(key) for key in "abc"] == [None, b"x", b"x"]


def test_size_is_bounded() -> None:
    cache: BoundedCache[str, bytes] = BoundedCache(ttl=10, max_bytes=10)
    cache.put("a", b"x" * 6)
    cache.put("b", b"x" * 6)
    assert cache.get("a") is None
    assert cache.get("b") is not None
    cache.delete("b")
    cache.put("c", b"x" * 10)
    assert cache.get("c") is not None
