"""`python -m bench`: starts everything, measures, prints the tables. Exit code 1 if a must is missed."""

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

from bench import canned_upstream, report
from bench.cases import (
    EVENTS,
    JSON,
    MESSAGES_JSON,
    MESSAGES_STREAM,
    PASSTHROUGH_STREAMS,
    TRANSLATED_STREAMS,
    Case,
)
from bench.costs import measure
from bench.gateways import GATEWAYS, Gateway
from bench.goals import rows

ROOT = Path(__file__).parents[1]
PEER_CASES = (JSON, PASSTHROUGH_STREAMS[0], MESSAGES_JSON, MESSAGES_STREAM)
LONG = tuple(
    Case(client, "chat_completions", events)
    for events in EVENTS[1:]
    for client in ("chat_completions", "messages")
)


def cases_of(gateway: str, quick: bool) -> list[Case]:
    """What a gateway is asked: nginx cannot translate; the peers are slow, so they get few."""
    if gateway not in {"nginx", "ours"}:
        return list(PEER_CASES)
    cases = [JSON, *PASSTHROUGH_STREAMS, *TRANSLATED_STREAMS, *(() if quick else LONG)]
    if gateway == "ours":
        cases.insert(1, MESSAGES_JSON)
    return [case for case in cases if gateway == "ours" or not case.translated]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds, only printed")
    parser.add_argument("--only", nargs="+", choices=GATEWAYS, default=list(GATEWAYS))
    options = parser.parse_args()
    absent: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="wsgi-gateway-bench-"))
        )
        gateways = _start(folder, options.only, absent, stack)
        jobs = [(one, case) for one in gateways for case in cases_of(one.name, options.quick)]
        costs = measure(jobs, rounds=2 if options.quick else 5, seconds=1)
    found = rows(costs)
    page = report.page(costs, found, absent)
    print(page)
    if not options.quick:
        report.write(page, costs, ROOT / "docs")
    if any(row.verdict == "MISSED" for row in found):
        sys.exit("a must is missed")


def _start(
    folder: Path, names: list[str], absent: dict[str, str], stack: contextlib.ExitStack
) -> list[Gateway]:
    """The upstream and the gateways; those that do not start go into `absent`."""
    (folder / "upstream").mkdir()
    folder.chmod(0o755)
    upstream = canned_upstream.start(folder / "upstream")
    stack.callback(upstream.stop)
    gateways = []
    for name in names:
        (folder / name).mkdir()
        try:
            gateway = GATEWAYS[name](folder / name, upstream.port)
        except RuntimeError as error:
            absent[name] = str(error)
            continue
        stack.callback(gateway.server.stop)
        gateways.append(gateway)
    return gateways


if __name__ == "__main__":
    main()
