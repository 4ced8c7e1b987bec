"""The memory store's bounds."""

from wsgi_gateway.state import MemoryStore


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_put_is_there_until_it_expires() -> None:
    clock = Clock()
    store = MemoryStore(ttl=10, clock=clock)
    store.put("a", b"1")
    assert store.get("a") == b"1"
    clock.now = 10.5
    assert store.get("a") is None


def test_the_oldest_goes_first() -> None:
    store = MemoryStore(max_items=2)
    for key in "abc":
        store.put(key, b"x")
    assert [store.get(key) for key in "abc"] == [None, b"x", b"x"]


def test_size_is_bounded() -> None:
    store = MemoryStore(max_bytes=10)
    store.put("a", b"x" * 6)
    store.put("b", b"x" * 6)
    assert store.get("a") is None
    assert store.get("b") is not None
    store.delete("b")
    store.put("c", b"x" * 10)
    assert store.get("c") is not None
