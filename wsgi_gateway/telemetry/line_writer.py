"""Writes lines to a file or to standard output, so that whoever has one waits for no disk and no reader.

Lines are put into a bounded queue and written by a thread of the operating system's: a greenlet that hangs in a write
would hold up all others. It waits a moment for more lines, so that a busy process is not woken for each, and ends when
there are none. Not here: what a line says.

The thread shares a queue and some numbers with the others, and neither calls ``logging`` nor takes a lock of gevent's,
which are not for threads that gevent does not know. What it has to say is said when the next line is put.
"""

import atexit
import fcntl
import io
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from gevent.monkey import get_original

T = TypeVar("T")

_log = logging.getLogger(__name__)
_start_thread = get_original("_thread", "start_new_thread")
_new_lock = get_original("_thread", "allocate_lock")
_sleep = get_original("time", "sleep")
_Queue = get_original("queue", "SimpleQueue")

_GATHER = 0.1
"""Seconds that a line waits for others."""
_MOST_AT_ONCE = 1024 * 1024
"""Bytes of one write, about."""
_STANDARD_OUTPUT = 1


class LineWriter(Generic[T]):
    """``encode`` makes a line of what is put, in the writing thread; ``gap`` one that tells how many were lost.

    ``path`` is a file's, or None for standard output. A file is opened anew once it has been moved away, so rotating it
    takes no signal. ``limit`` lines may wait. Raises OSError if the file cannot be opened.
    """

    def __init__(
        self,
        path: str | None,
        encode: Callable[[T], bytes],
        gap: Callable[[int], bytes],
        limit: int = 10_000,
    ) -> None:
        self._encode = encode
        self._gap = gap
        self._limit = limit
        self._target = _Target(path)
        self.lost = 0
        """Lines that were not written, so far."""
        self._told_lost = 0
        self._problem: str | None = None
        self._is_well = True
        self._is_closing = False
        self.begin()
        _WRITERS.add(self)

    def begin(self) -> None:
        """Also in a forked process: what its parent's queue has the parent's thread writes."""
        self._queue: Any = _Queue()
        self._is_written = _new_lock()
        """Held as long as there is a thread that writes."""

    def put(self, item: T) -> None:
        """Have it written soon. It is lost where too many wait."""
        if self._queue.qsize() >= self._limit:
            self.lost += 1
            self._complain("they come faster than they can be written")
            return
        self._queue.put(item)
        if self._is_written.acquire(False):
            try:
                _start_thread(self._run, ())
            except RuntimeError:
                self._is_written.release()
                self._complain("no thread can be started")
        if self._problem is not None:
            self._complain(self._problem)

    def close(self, seconds: float = 2.0) -> None:
        """Write what waits, as far as that takes no longer."""
        self._is_closing = True
        if not self._is_written.acquire(timeout=seconds):
            self._complain("they cannot be written")
            return
        self._write_all()
        self._is_written.release()
        self._is_closing = False
        if self._problem is not None:
            self._complain(self._problem)

    def _complain(self, problem: str) -> None:
        """Once, until it has gone well again."""
        self._problem = None
        if self._is_well:
            self._is_well = False
            _log.warning("%s: lines are lost: %s", self._target, problem)

    def _run(self) -> None:
        """The thread. It holds the lock when it begins, and has given it back when it ends."""
        is_needed = True
        while is_needed:
            if not self._is_closing:
                _sleep(_GATHER)
            self._write_all()
            self._is_written.release()
            # What was put between these two calls found the lock held.
            is_needed = not self._queue.empty() and self._is_written.acquire(False)

    def _write_all(self) -> None:
        items: list[T] = []
        while not self._queue.empty():
            items.append(self._queue.get())
        lost = self.lost - self._told_lost
        lines = [self._gap(lost)] if lost else []
        lines += self._encoded(items)
        if not lines:
            return
        try:
            self._target.write(lines)
        except OSError as error:
            count = len(items)
            self.lost += count
            self._problem = error.strerror or str(error)
        else:
            self._told_lost += lost
            self._is_well = True

    def _encoded(self, items: list[T]) -> Iterator[bytes]:
        for item in items:
            try:
                yield self._encode(item)
            except Exception as error:  # noqa: BLE001 - the others are written
                self.lost += 1
                self._problem = repr(error)


class _Target:
    """What is written to."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file = _open(path)
        self._is_torn = False

    def __str__(self) -> str:
        return self._path or "standard output"

    def write(self, lines: list[bytes]) -> None:
        """Whole lines, between which no other process's come. Raises OSError."""
        if self._path is not None:
            self._follow(self._path)
        with self._alone():
            for data in _joined(lines):
                self._write_whole(data)

    def _follow(self, path: str) -> None:
        """To the file that has the name now."""
        with suppress(FileNotFoundError):
            if os.path.samestat(Path(path).stat(), os.fstat(self._file.fileno())):
                return
        old, self._file = self._file, _open(path)
        old.close()
        self._is_torn = False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """A file takes what is appended to it as a whole; a pipe to whoever reads takes 4 KB of it at a time."""
        try:
            if stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
                raise OSError
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except OSError:
            yield
            return
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def _write_whole(self, data: bytes) -> None:
        # What a full disk has cut off does not run into the next line.
        rest = memoryview(b"\n" + data if self._is_torn else data)
        while rest:
            count = self._file.write(rest)
            if not count:  # It is non-blocking, and full.
                _sleep(_GATHER)
                continue
            self._is_torn = rest[count - 1] != ord("\n")
            rest = rest[count:]


def _joined(lines: list[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > _MOST_AT_ONCE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _open(path: str | None) -> io.FileIO:
    """Raises OSError."""
    if path is None:
        return io.FileIO(_STANDARD_OUTPUT, "w", closefd=False)
    return io.FileIO(path, "a", opener=_opened)


def _opened(name: str, flags: int) -> int:
    with suppress(FileNotFoundError):
        if stat.S_ISFIFO(os.stat(name).st_mode):  # noqa: PTH116 - as it stands beside os.open
            # To write alone it could not be opened before somebody reads it.
            flags = flags & ~os.O_WRONLY | os.O_RDWR
    return os.open(name, flags, 0o640)


_WRITERS: WeakSet[LineWriter[Any]] = WeakSet()


def _close_all() -> None:
    for writer in list(_WRITERS):
        writer.close()


def _begin_all() -> None:
    for writer in list(_WRITERS):
        writer.begin()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_begin_all)
