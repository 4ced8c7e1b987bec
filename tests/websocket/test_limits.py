"""What the environment says of WebSockets."""

import pytest

from wsgi_gateway.websocket.limits import SocketLimits, socket_limits


def test_defaults() -> None:
    limits = socket_limits({"WSGI_GATEWAY_WEBSOCKETS": "", "WSGI_GATEWAY_WEBSOCKET_IDLE": ""})
    assert limits == socket_limits({}) == SocketLimits()
    assert limits.lifetime == 3600


def test_what_is_set() -> None:
    limits = socket_limits({"WSGI_GATEWAY_WEBSOCKETS": "0", "WSGI_GATEWAY_WEBSOCKET_IDLE": "0.5"})
    assert (limits.most, limits.idle) == (0, 0.5)


@pytest.mark.parametrize("number", ["-1", "many", "1.5", "²"])
def test_no_number_of_sockets(number: str) -> None:
    with pytest.raises(ValueError, match="WSGI_GATEWAY_WEBSOCKETS is not a number"):
        socket_limits({"WSGI_GATEWAY_WEBSOCKETS": number})


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "inf"])
def test_no_number_of_seconds(seconds: str) -> None:
    with pytest.raises(ValueError, match="WSGI_GATEWAY_WEBSOCKET_IDLE is not a number"):
        socket_limits({"WSGI_GATEWAY_WEBSOCKET_IDLE": seconds})
