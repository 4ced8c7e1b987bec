"""`python -m bench.soak`: two hundred thousand requests of all kinds through the real server, and what stays of them.

Here: the run, the samples between its parts, and the judgement: memory and descriptors must not grow. `--write` puts
the table and the picture into docs/reliability.md and docs/reliability/. Not here: what is asked (soak_mix.py).

Samples are taken while nothing is asked, so that only what stays is seen. Memory is what a worker shares with nobody
(USS). The first half of a run fills what is bounded: caches, stored responses, pools; the second must be flat.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import canned_upstream, soak_mix
from bench.arithmetic import least_squares
from bench.processes import LOAD_CORE, Server, free_port
from bench.soak_client import Client
from bench.soak_mix import Mix
from bench.versions import versions

ROOT = Path(__file__).parents[1]
PAGE, FOLDER = ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability"
BEGIN, END = "<!-- soak: generated -->", "<!-- soak: end -->"
REQUESTS = 200_000
SAMPLES = 50
AT_ONCE = 32
MOST_GROWTH = {"uss": 1024 * 1024, "descriptors": 20, "greenlets": 20, "threads": 10}
"""By how much the line through the samples of the second half may rise from its begin to its end.

Pools breathe: that of idle connections, and gevent's, which has up to ten threads with two greenlets each.
"""
_WAIT = 20.0


@dataclass(frozen=True)
class Sample:
    """One worker after so many requests of all. Memory in bytes."""

    requests: int
    worker: int
    uss: int
    rss: int
    descriptors: int
    greenlets: int
    threads: int
    in_flight: int


@dataclass(frozen=True)
class Verdict:
    """What a worker's figures come to."""

    worker: int
    name: str
    first: float
    middle: float
    last: float
    growth: float
    """From the begin to the end of the second half, by the line through its samples."""

    @property
    def is_flat(self) -> bool:
        return self.growth <= MOST_GROWTH[self.name]


@dataclass
class Soaked:
    """A whole run."""

    samples: list[Sample]
    counts: dict[str, int]
    failures: int
    wrong: list[str]
    seconds: float


def verdicts(samples: list[Sample]) -> list[Verdict]:
    """Of each worker: memory, descriptors, greenlets, threads."""
    found = []
    for worker in sorted({sample.worker for sample in samples}):
        own = [sample for sample in samples if sample.worker == worker]
        half = own[len(own) // 2 :]
        for name in MOST_GROWTH:
            points = [(float(sample.requests), float(getattr(sample, name))) for sample in half]
            slope = least_squares(points).slope
            found.append(
                Verdict(
                    worker=worker,
                    name=name,
                    first=float(getattr(own[0], name)),
                    middle=points[0][1],
                    last=points[-1][1],
                    growth=slope * (half[-1].requests - half[0].requests),
                )
            )
    return found


class _Gateway:
    """The server under test, and the eyes on its workers."""

    def __init__(self, server: Server, workers: int, probe: Path) -> None:
        self.port = server.port
        self._probe = probe
        deadline = time.monotonic() + _WAIT
        while len(server.pids) <= workers and time.monotonic() < deadline:
            time.sleep(0.05)
        _, *self.workers = server.pids
        if len(self.workers) != workers:
            raise RuntimeError(f"{len(self.workers)} workers")

    async def sample(self, requests: int) -> list[Sample]:
        """Of all workers, once nothing is in flight any more."""
        in_flight = await self._settled()
        return [
            Sample(
                requests=requests,
                worker=number,
                **_memory(pid),
                descriptors=_count(f"/proc/{pid}/fd"),
                greenlets=await self._greenlets(pid),
                threads=_count(f"/proc/{pid}/task"),
                in_flight=in_flight,
            )
            for number, pid in enumerate(self.workers, start=1)
        ]

    async def _settled(self) -> int:
        """How many requests are in flight when nobody has asked for a while: those whose clients left need a moment."""
        deadline = time.monotonic() + _WAIT
        client = Client(self.port)
        try:
            while True:
                told = (await client.ask(soak_mix.wire("GET", "/metrics"))).body.decode()
                in_flight = sum(map(float, re.findall(r"^\w*in_flight\w*{.*} (\S+)$", told, re.M)))
                if not in_flight or time.monotonic() > deadline:
                    await asyncio.sleep(0.2)  # for what ends behind the last byte
                    return int(in_flight)
                await asyncio.sleep(0.05)
        finally:
            client.close()

    async def _greenlets(self, pid: int) -> int:
        file = self._probe / str(pid)
        file.unlink(missing_ok=True)
        os.kill(pid, signal.SIGRTMIN + 1)
        deadline = time.monotonic() + _WAIT
        while not file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the probe does not answer")
            await asyncio.sleep(0.02)
        return int(file.read_text())


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _memory(pid: int) -> dict[str, int]:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kibibytes = dict(re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE))
    own = int(kibibytes["Private_Clean"]) + int(kibibytes["Private_Dirty"])
    return {"uss": own * 1024, "rss": int(kibibytes["Rss"]) * 1024}


@contextlib.contextmanager
def _serving(workers: int, silent: int) -> Iterator[_Gateway]:
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="wsgi-gateway-soak-"))
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers are another user's
        parts = [folder / part for part in ("upstream", "gateway", "probe")]
        for part in parts:
            part.mkdir()
        upstream = canned_upstream.start(parts[0], soak_mix.more_answers())
        stack.callback(upstream.stop)
        # What one worker stored the other has to find.
        storage = {"type": "memory"} if workers == 1 else {"path": str(folder / "state.sqlite")}
        config = parts[1] / "config.json"  # JSON is YAML
        config.write_text(json.dumps(soak_mix.config_of(upstream.port, silent, storage)))
        port = free_port()
        command = [sys.executable, "-m", "wsgi_gateway", "serve", "--config", str(config)]
        command += ["--port", str(port), "--workers", str(workers)]
        environ = {
            "PYTHONPATH": f"{Path(__file__).parent / 'probe'}:{ROOT}",
            "PROBE_FOLDER": str(parts[2]),
        }
        server = Server(command, port, parts[1], environ=environ)
        stack.callback(server.stop)
        yield _Gateway(server, workers, parts[2])


@contextlib.asynccontextmanager
async def _silent_upstream() -> AsyncIterator[int]:
    """The port of a server that reads, and never answers."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65_536):
                pass
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def soak(requests: int, workers: int) -> Soaked:
    """The whole run."""
    os.sched_setaffinity(0, {LOAD_CORE})
    began = time.monotonic()
    mix = Mix(seed=6)
    async with _silent_upstream() as silent:
        with _serving(workers, silent) as gateway:
            await _ask(gateway, mix, 500)  # what is imported when it is first needed
            samples = await gateway.sample(0)
            step = requests // SAMPLES
            for number in range(1, SAMPLES + 1):
                await _ask(gateway, mix, step)
                samples += await gateway.sample(number * step)
                _tell(samples[-workers:], mix, time.monotonic() - began)
    return Soaked(samples, mix.counts, mix.failures, mix.wrong, time.monotonic() - began)


async def _ask(gateway: _Gateway, mix: Mix, requests: int) -> None:
    """So many requests, some at once, over connections that are closed in the end."""
    left = requests

    async def go_on() -> None:
        nonlocal left
        client = Client(gateway.port)
        while left > 0:
            left -= 1
            await mix.next(client)
        client.close()

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


def _tell(samples: list[Sample], mix: Mix, seconds: float) -> None:
    for one in samples:
        print(
            f"{seconds:5.0f} s {one.requests:7,} worker {one.worker}: {one.uss / 2**20:6.2f} MB, "
            f"{one.descriptors} descriptors, {one.greenlets} greenlets, {one.threads} threads, "
            f"{one.in_flight} in flight; {mix.failures} wrong",
            flush=True,
        )


def page(soaked: Soaked) -> str:
    """Markdown."""
    requests = soaked.samples[-1].requests
    kinds = ", ".join(f"{name} {count:,}" for name, count in soaked.counts.items())
    found = ", ".join(f"{name} {version}" for name, version in versions().items() if name in _TOLD)
    lines = [
        f"{requests:,} requests in {soaked.seconds / 60:.1f} minutes, {soaked.failures} of them answered otherwise "
        f"than they should be ({kinds}). {found}.",
        "",
        "| Worker | What | At first | Half way | In the end | Growth in the second half | At most |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in verdicts(soaked.samples):
        show = _megabytes if one.name == "uss" else _number
        most = MOST_GROWTH[one.name]
        cells = [show(figure) for figure in (one.first, one.middle, one.last, one.growth, most)]
        lines.append(" | ".join([f"| {one.worker}", _NAMES.get(one.name, one.name), *cells]) + " |")
    return "\n".join(lines) + "\n"


_TOLD = ("CPU", "system", "Python", "gevent", "gunicorn")
_NAMES = {"uss": "memory of its own (USS)"}


def _megabytes(figure: float) -> str:
    return f"{figure / 2**20:.2f} MB"


def _number(figure: float) -> str:
    return f"{figure:.1f}".removesuffix(".0")


def _write(soaked: Soaked) -> None:
    from bench.plots import draw_soak

    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "soak.json").write_text(json.dumps(asdict(soaked), indent=1) + "\n")
    draw_soak(soaked.samples, FOLDER / "soak.svg")
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{page(soaked)}\n{END}{after}", "utf-8")


def main() -> int:
    """Exit code 1 if anything grows, or any answer was wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    given = parser.parse_args()
    soaked = asyncio.run(soak(given.requests, given.workers))
    print("\n" + page(soaked))
    for wrong in soaked.wrong:
        print(wrong)
    if given.write:
        _write(soaked)
    grown = [one for one in verdicts(soaked.samples) if not one.is_flat]
    for one in grown:
        print(f"worker {one.worker}: {one.name} grows by {one.growth:,.0f} in the second half")
    return int(bool(grown or soaked.failures))


if __name__ == "__main__":
    sys.exit(main())
