"""What the fuzzer once found stays mended; and what it starts from is sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import seeds, take

CRASHES = sorted((Path(__file__).parents[1] / "fuzz" / "crashes").glob("*-*"))


@pytest.mark.parametrize("path", CRASHES, ids=lambda path: path.name)
def test_what_the_fuzzer_found(path: Path) -> None:
    take(path.read_bytes())


def test_seeds() -> None:
    for seed in seeds():
        take(seed)
