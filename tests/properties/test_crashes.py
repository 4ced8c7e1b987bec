"""What the fuzzer once found stays mended; and what it starts from is sound."""

from __future__ import annotations

from pathlib import Path

from fuzz.targets import seeds, take

CRASHES = Path(__file__).parents[1] / "fuzz" / "crashes"


def test_what_the_fuzzer_found() -> None:
    for path in sorted(CRASHES.glob("*-*")):
        take(path.read_bytes())


def test_seeds() -> None:
    for seed in seeds():
        take(seed)
