"""A reply's body as requests' own adapter gives it: urllib3's response."""

import requests
import urllib3

from wsgi_gateway.upstream.arrival import Arrival

_DRAIN_TIMEOUT = 0.05
_READ_SIZE = 65_536


class Urllib3Body:
    """The interface is ``client.ReplyBody``; it raises urllib3's exceptions and OSErrors."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._arrival = Arrival(response.raw)

    def next(self, patience: float | None = None) -> bytes | None:
        if patience is not None and not self._arrival.wait(patience):
            return b""
        return self._response.raw.read1(_READ_SIZE, decode_content=True) or None

    def set_timeout(self, seconds: float | None) -> None:
        self._arrival.set_timeout(seconds)

    def drain(self) -> None:
        connection = self._response.raw.connection
        if connection is None or connection.sock is None:
            return
        connection.sock.settimeout(_DRAIN_TIMEOUT)
        try:
            self._response.raw.read1(_READ_SIZE, decode_content=True)
            self._response.raw.read1(1, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError):
            return

    def close(self) -> None:
        self._response.close()
