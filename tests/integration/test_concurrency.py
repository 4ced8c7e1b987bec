"""Many streams at once through one worker: none waits for another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2
from support.asks import WRITERS, Ask, user
from support.dialects import PATHS
from support.gateway import GatewayProcess
from support.pairs import PAIRS, asks_usage, model_of
from support.streams import STREAMED, Answer, Api, frames_of
from support.upstream import Upstream, sse_reply
from support.validators import check

STREAMS = 60


@PAIRS
def test_streams_run_side_by_side(
    upstream: Upstream, gateway: GatewayProcess, client_api: Api, upstream_api: Api
) -> None:
    """No stream goes on before all have begun, so a queue anywhere would break the barrier."""
    frames = frames_of(STREAMED[upstream_api](Answer("one two three")))
    middle = next(at for at, frame in enumerate(frames) if b'"one "' in frame) + 1
    gate = threading.Event()
    upstream.script(sse_reply([*frames[:middle], gate, *frames[middle:]]))
    all_have_begun = threading.Barrier(STREAMS, action=gate.set, timeout=60)
    body = {
        "model": model_of(upstream_api),
        **WRITERS[client_api](Ask((user("Count"),))),
        **asks_usage(client_api),
        "stream": True,
    }
    limits = httpx2.Limits(max_connections=STREAMS)
    with httpx2.Client(verify=False, limits=limits, timeout=60) as http:

        def exchange(_: int) -> bytes:
            received = b""
            with http.stream("POST", gateway.base_url + PATHS[client_api], json=body) as answer:
                reading = answer.iter_raw()
                while b'"one "' not in received:
                    received += next(reading)
                all_have_begun.wait()
                return received + b"".join(reading)

        with ThreadPoolExecutor(STREAMS) as pool:
            streams = list(pool.map(exchange, range(STREAMS)))

    endings = {check(client_api, stream, usage_asked=True) for stream in streams}
    assert endings == {"finished"}
    assert all(b"three" in stream for stream in streams)
