"""A turn's wait ends when the client leaves, where greenlets wait."""

import gevent
import pytest
from gevent import monkey

from wsgi_gateway.client_watch import ClientGone, GatewayStopping, interrupt_all
from wsgi_gateway.websocket.watch import SocketWatch


@pytest.fixture(autouse=True)
def _green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monkey, "is_module_patched", lambda _: True)


def test_a_wait_ends_when_the_client_leaves() -> None:
    watch = SocketWatch()
    gevent.spawn(watch.leave)
    with pytest.raises(ClientGone):
        watch.wait(lambda: gevent.sleep(30))
    with pytest.raises(ClientGone):
        watch.wait(lambda: pytest.fail("nobody waits for a client that has left"))


def test_only_a_wait_is_ended() -> None:
    watch = SocketWatch()
    assert watch.wait(lambda: "answered") == "answered"
    watch.close()
    watch.leave()
    gevent.sleep(0)
    watch.leave()
    gevent.sleep(0)


def test_a_wait_ends_when_the_process_ends() -> None:
    watch = SocketWatch()
    gevent.spawn(interrupt_all)
    with pytest.raises(GatewayStopping):
        watch.wait(lambda: gevent.sleep(30))
    interrupt_all()
    watch.interrupt()
