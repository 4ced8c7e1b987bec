"""Each of the 64 edge cases of the wires has a test that bears its number, and none is excused."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
NUMBERED = re.compile(r'def test_case_(\d+)_|"case (\d+): ')


def sources() -> list[str]:
    files = [*Path(__file__).parent.glob("test_*.py"), TESTS / "integration/test_edge_cases.py"]
    return [file.read_text("utf-8") for file in files if file != Path(__file__)]


def test_each_number_has_a_test() -> None:
    found = {int(a or b) for source in sources() for a, b in NUMBERED.findall(source)}

    assert found == set(range(1, 65))


def test_none_is_expected_to_fail() -> None:
    assert [source for source in sources() if "xfail" in source or "mark.skip" in source] == []
