"""Whether what was made goes by itself, or only when the garbage collector comes."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """A time without the garbage collector."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
