"""Runs the fuzzer: ``PYTHONPATH=tests python -m fuzz --help``. Exits with 0 if nothing was found.

An input that breaks a property is written to ``fuzz/crashes``, where tests/properties/test_crashes.py tries it
again forever. (What dice made of it changes with the generators: keep the body that came of them, as an input
of ``request``, ``stream`` or ``reply``.) The corpus grows in a temporary folder and is forgotten, unless ``--keep``
names one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["wsgi_gateway.protocols"]):
    from support.dice import WORDS
    from support.generated_requests import FIELDS

    from fuzz.targets import seeds, take

_CRASHES = Path(__file__).parent / "crashes"
_LONGEST_INPUT = 32768
_SLOWEST_INPUT = 10


def main(seconds: int, seed: int, kept: str | None) -> None:
    _CRASHES.mkdir(exist_ok=True)
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(seeds()):
            (corpus / f"seed{number}").write_bytes(data)
        words = Path(folder) / "words"
        words.write_text("\n".join(_quoted(word) for word in [*FIELDS, *WORDS]))
        options = [
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            f"-max_len={_LONGEST_INPUT}",
            f"-timeout={_SLOWEST_INPUT}",
            f"-dict={words}",
            f"-artifact_prefix={_CRASHES}/",
            "-print_final_stats=1",
            str(corpus),
        ]
        atheris.Setup([sys.argv[0], *options], take)
        atheris.Fuzz()


def _quoted(word: str) -> str:
    """As libFuzzer's dictionaries write it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word.encode()) + '"'


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=int, nargs="?", default=60)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the fuzzer's dice; 0 for another each time"
    )
    parser.add_argument("--keep", metavar="FOLDER", help="where the corpus is, and stays")
    given = parser.parse_args()
    main(given.seconds, given.seed, given.keep)
