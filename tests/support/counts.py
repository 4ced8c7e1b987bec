"""What a gateway's worker holds: greenlets, watchers of its event loop, sockets, objects, memory.

Here: a gateway whose worker tells (counted_worker.py), and what the system knows of its sockets. Not here: what the
numbers should be.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.gateway import GatewayProcess

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTENS = "0A"


@dataclass(frozen=True)
class Counts:
    """At one moment. ``watchers`` are those of the event loop: timers, sockets that are waited for.

    ``objects`` are those that the collector follows, ``blocks`` all small pieces of memory.
    """

    pid: int
    greenlets: int
    watchers: int
    objects: int
    blocks: int
    in_flight: int


@dataclass(frozen=True)
class Connection:
    """A TCP socket that is no listener; ``peer`` is the port of its other end."""

    port: int
    peer: int
    state: str
    """As the kernel's include/net/tcp_states.h numbers it, in hexadecimal."""


class CountedGateway:
    """A gateway of one worker, and what that worker holds."""

    def __init__(self, process: GatewayProcess, address: str) -> None:
        self.process = process
        self.base_url = process.base_url
        self._address = address

    def counts(self) -> Counts:
        """What it holds now, after a full collection."""
        with socket.socket(socket.AF_UNIX) as asking, asking.makefile("rb") as told:
            asking.settimeout(20)
            asking.connect(self._address)
            return Counts(**json.loads(told.readline()))

    def connections(self) -> list[Connection]:
        """Those of its clients and to its upstreams."""
        (pid,) = self.process.children
        inodes = set(_socket_inodes(pid))
        return [connection for inode, connection in _tcp(pid) if inode in inodes]

    def descriptors(self) -> int:
        """How many files, sockets included, are open."""
        (pid,) = self.process.children
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def memory(self) -> int:
        """Bytes of memory that are its own."""
        (pid,) = self.process.children
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


@contextmanager
def counted_gateway(config: Mapping[str, Any]) -> Iterator[CountedGateway]:
    """Such a gateway, running."""
    with tempfile.TemporaryDirectory(prefix="counts-") as folder:
        address = f"{folder}/counts"
        environ = {
            "GUNICORN_CMD_ARGS": "--worker-class support.counted_worker.CountedWorker",
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "WSGI_GATEWAY_COUNTS": address,
        }
        with GatewayProcess(config, environ=environ) as process:
            yield CountedGateway(process, address)


def _socket_inodes(pid: int) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            yield target[8:-1]


def _tcp(pid: int) -> Iterator[tuple[str, Connection]]:
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, remote, state, *_, inode = line.split()[:10]
            if state != _LISTENS:
                yield inode, Connection(_port(local), _port(remote), state)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
