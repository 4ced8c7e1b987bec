"""One gateway for all that can break, its worker counted, and the providers behind it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

import pytest
import trustme
from support.broken_replies import head
from support.chaos import Chaos, Scripts, entries
from support.counts import counted_gateway
from support.gateway import config
from support.raw_upstream import RawUpstream, Step
from support.streams import Json
from support.upstream import closed_port

SHORT = "250ms"
PLAIN = "1500ms"
"""Of a plain exchange, the connection's time included: enough for that on a busy machine."""
LARGE = "4s"
"""The same of several megabytes, which keep the worker from all else while it reads them."""
EARLY: dict[str, tuple[Step, ...]] = {
    "reset": ("reset",),
    "close": ("close",),
    "half close": ("half close",),
    "garbage": (b"SSH-2.0-OpenSSH_9.9\r\n\xff\x00\r\n", "half close"),
    "stall": ("stall",),
    "too many": (head(503, content_length=0, connection="close"), "half close"),
}
"""What a provider does that does not read the whole request."""


@pytest.fixture(scope="session")
def scripts() -> Scripts:
    """What the provider `main` does, by model."""
    return Scripts()


@pytest.fixture(scope="session")
def elsewhere(scripts: Scripts) -> Iterator[RawUpstream]:
    """A server that is no provider of the gateway's."""
    with RawUpstream(scripts) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def self_signed(scripts: Scripts) -> Iterator[RawUpstream]:
    """A provider whose certificate nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with RawUpstream(scripts, tls=context) as upstream:
        yield upstream


def early(stack: contextlib.ExitStack) -> tuple[list[RawUpstream], list[Json]]:
    """Providers that end the exchange before they know the request, by `<fate> at <when>`."""
    upstreams, providers = [], []
    for fate, steps in EARLY.items():
        limits = {"timeouts": {"first_event": SHORT, "total": PLAIN}} if fate == "stall" else {}
        for when in ("connect", "head"):
            upstream = stack.enter_context(RawUpstream(lambda _, steps=steps: steps, when))
            upstreams.append(upstream)
            providers += entries(upstream.base_url, f"{fate}-at-{when}", **limits)
            if (fate, when) == ("stall", "head"):
                large = {"timeouts": {"total": LARGE}}
                providers += entries(upstream.base_url, "stall-in-large", **large)
            if when == "connect":
                secure = upstream.base_url.replace("http", "https", 1)
                handshake = {"timeouts": {"connect": SHORT}} if fate == "stall" else {}
                providers += entries(secure, f"{fate}-under-TLS", **handshake)
    return upstreams, providers


@pytest.fixture(scope="session")
def chaos(scripts: Scripts, self_signed: RawUpstream) -> Iterator[Chaos]:
    with contextlib.ExitStack() as stack:
        main = stack.enter_context(RawUpstream(scripts))
        nobody = stack.enter_context(closed_port())
        early_upstreams, early_providers = early(stack)
        upstreams = [main, self_signed, *early_upstreams]
        providers = [
            *entries(main.base_url, "main"),
            *entries(main.base_url, "first", timeouts={"first_event": SHORT}),
            *entries(main.base_url, "idle", timeouts={"idle": SHORT}),
            *entries(main.base_url, "total", timeouts={"total": PLAIN}),
            *entries(f"http://127.0.0.1:{nobody}", "refused"),
            *entries("http://nowhere.invalid", "unknown-host"),
            *entries(f"http://{'x' * 64}.invalid", "impossible-host"),
            *entries(self_signed.base_url, "self-signed"),
            *early_providers,
        ]
        state = {"type": "memory", "max_items": 50}
        gateway = stack.enter_context(counted_gateway(config(*providers, state_storage=state)))
        chaos = Chaos(gateway, upstreams)
        stack.callback(chaos.stop)
        yield chaos
        assert [mistake for upstream in upstreams for mistake in upstream.mistakes] == []
        assert "Traceback" not in gateway.process.output
