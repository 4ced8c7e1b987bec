"""A program's part, not a module for tests: the gateway's worker, which tells what it holds to whoever asks.

gunicorn loads it by its setting ``worker_class`` (support.counts sets it). It answers each connection to the Unix
socket of the environment's WSGI_GATEWAY_COUNTS with one line of JSON, after a full collection.
"""

import gc
import json
import os
import sys

import gevent
from gevent.server import StreamServer
from gevent.socket import AF_UNIX, SOCK_STREAM, socket

from wsgi_gateway.serving.gevent_worker import Worker
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT


class CountedWorker(Worker):
    """The worker of ``serve`` in all else."""

    def run(self) -> None:
        listener = socket(AF_UNIX, SOCK_STREAM)
        listener.bind(os.environ["WSGI_GATEWAY_COUNTS"])
        listener.listen()
        StreamServer(listener, _tell).start()
        super().run()


def _tell(connection: socket, _address: object) -> None:
    with connection:
        connection.sendall(json.dumps(_counts()).encode() + b"\n")


def _counts() -> dict[str, int]:
    gc.collect()
    objects = gc.get_objects()
    loop = gevent.get_hub().loop
    return {
        "pid": os.getpid(),
        "greenlets": sum(isinstance(it, gevent.Greenlet) and not it.dead for it in objects),
        "watchers": loop.activecnt,
        "objects": len(objects),
        "blocks": sys.getallocatedblocks(),
        "in_flight": sum(total.requests for total in IN_FLIGHT.totals().values()),
    }
