"""Freed memory, in a process of its own: how many pages the system had to give again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

LONG_REQUESTS = """
import resource, sys
if sys.argv[1] == "kept":
    from wsgi_gateway.serving.freed_memory import keep_freed_memory
    assert keep_freed_memory()
texts = [str(number) * 500 for number in range(5000)]
del texts
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    texts = [str(number) * 500 for number in range(5000)]
    whole = "".join(texts)
    del texts, whole
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, "-c", LONG_REQUESTS, how]
    return int(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are not told")
def test_memory_of_one_long_request_serves_the_next() -> None:
    assert faults("kept") * 2 < faults("given back")
