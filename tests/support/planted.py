"""The keys that tests plant, and the search for them in all that a test run shows.

Here: the keys, what counts as found, the watch over clients' connections, and the pytest hook that fails the test
during which one was seen. Not here: who hands over output to be searched (gateway.py, gunicorn.py, sockets.py).

Every key may be in two places only: the header it was sent in, and the config. A test that puts one into a reply's
text on purpose takes what is found with ``taken``.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Generator
from typing import Any

import httpcore2
import pytest

PROVIDER_KEY = "sk-provider-9876543210"
"""The key of every scripted provider; no client may ever see it."""
FLAKY_KEY, STEADY_KEY = "sk-flaky-1111111111", "sk-steady-2222222222"
"""Those of two deployments of one model."""
MOCK_KEYS = {"OPENAI_API_KEY": "sk-mock-openai", "ANTHROPIC_API_KEY": "sk-mock-anthropic"}
"""Those of the mock config, as its variables."""
CLIENT_KEY = "sk-client-0123456789"
"""The key that clients send to the gateway; no upstream may ever see it."""
KEY, OTHER_KEY, NEW_KEY = "sk-team-a-0123456789", "sk-team-b-0123456789", "sk-team-a-the-new-one"
"""Clients' keys that the gateway knows."""
NAMED_KEY = "sk-the-key-of-"
"""How the keys begin that have their client's name in them."""

_PLANTED = re.compile(
    b"|".join(
        re.escape(key.encode())
        for key in (
            PROVIDER_KEY,
            FLAKY_KEY,
            STEADY_KEY,
            *MOCK_KEYS.values(),
            CLIENT_KEY,
            KEY,
            OTHER_KEY,
            NEW_KEY,
            NAMED_KEY,
        )
    )
)
_LONGEST = 40
"""Bytes: as long as any of them."""

_found: list[str] = []


def search(place: str, shown: bytes | str) -> bool:
    """Whether ``place`` has shown a planted key, which is noted."""
    data = shown.encode("utf-8", "replace") if isinstance(shown, str) else shown
    matches = list(_PLANTED.finditer(data))
    for match in matches:
        line = data[data.rfind(b"\n", 0, match.start()) + 1 :].split(b"\n", 1)[0]
        around = _PLANTED.sub(b"<the key>", line).decode("utf-8", "replace")
        _found.append(f"{place} has a key that begins with {match[0][:8].decode()}: {around[:300]}")
    return bool(matches)


def taken() -> list[str]:
    """What was found since this was last asked for."""
    found, _found[:] = list(_found), []
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test, its setup or its teardown, fails where a key was seen meanwhile, or in what it printed."""
    report = yield
    # Those of earlier phases are told again.
    for title, content in (each for each in report.sections if each[0].endswith(report.when)):
        search(f"{title} of {item.nodeid}", content)
    if found := taken():
        report.outcome = "failed"
        report.longrepr = "\n".join(["a planted key was shown", *found])
    return report


class _WatchedStream(httpcore2.NetworkStream):
    """A client's connection. A key may come in two pieces."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._tail = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, timeout)
        window = self._tail + data
        is_shown = b"sk-" in window and search("a reply to a client", window)
        self._tail = b"" if is_shown else window[-_LONGEST:]
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _WatchedStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def watch_clients() -> None:
    """From now on all is searched that httpx, and the SDKs built on it, receive in this process."""
    connect = httpcore2.SyncBackend.connect_tcp

    def connect_tcp(*args: Any, **options: Any) -> httpcore2.NetworkStream:
        return _WatchedStream(connect(*args, **options))

    httpcore2.SyncBackend.connect_tcp = connect_tcp  # type: ignore[method-assign]
