"""Lines: whole, in order, in the file that has the name, and never at the cost of who has one."""

from __future__ import annotations

import errno
import gc
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.until import until

from wsgi_gateway.telemetry import line_writer
from wsgi_gateway.telemetry.line_writer import LineWriter


def encode(item: str) -> bytes:
    return item.encode() + b"\n"


def gap(lost: int) -> bytes:
    return b"lost %d\n" % lost


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lines.log"


@contextmanager
def opened(file: Path, limit: int = 10_000) -> Iterator[LineWriter[str]]:
    writer = LineWriter(str(file), encode, gap, limit)
    try:
        yield writer
    finally:
        writer.close()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe, which holds 64 KB, and the end that reads."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield path, reader
    with suppress(OSError):
        os.close(reader)


def test_a_pipe_that_nobody_reads_yet_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writers: list[LineWriter[str]] = []
    thread = threading.Thread(
        target=lambda: writers.append(LineWriter(str(path), encode, gap)), daemon=True
    )
    thread.start()
    try:
        until(lambda: writers)
        writers[0].put("early")
        writers[0].close()
    finally:
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    assert os.read(reader, 100) == b"early\n"
    os.close(reader)


def test_lines_are_appended_in_their_order(file: Path) -> None:
    file.write_text("before\n")
    with opened(file) as writer:
        for number in range(1000):
            writer.put(str(number))
    assert file.read_text() == "before\n" + "".join(f"{number}\n" for number in range(1000))
    assert writer.lost == 0


def test_a_line_is_written_without_another(file: Path) -> None:
    with opened(file) as writer:
        writer.put("alone")
        until(lambda: file.read_text() == "alone\n")
        writer.put("later")
        until(lambda: file.read_text() == "alone\nlater\n")


def test_a_writer_that_nobody_has_leaves_nothing_open(file: Path) -> None:
    def is_open() -> bool:
        descriptors = [*Path("/proc/self/fd").iterdir()]
        return any(os.path.realpath(descriptor) == str(file) for descriptor in descriptors)

    writer = LineWriter(str(file), encode, gap)
    writer.put("one")
    writer.close()
    assert is_open()
    del writer
    gc.collect()
    assert not is_open()


def test_only_its_owner_s_group_may_read_a_new_file(file: Path) -> None:
    with opened(file):
        assert file.stat().st_mode & 0o007 == 0


def test_a_file_that_cannot_be_opened(file: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LineWriter(str(file / "x"), encode, gap)


def test_a_file_that_was_moved_away_is_opened_anew(file: Path) -> None:
    with opened(file) as writer:
        writer.put("one")
        until(lambda: file.read_text() == "one\n")
        moved = file.rename(file.with_suffix(".1"))
        writer.put("two")
        until(file.exists)
        until(lambda: file.read_text() == "two\n")
        moved = file.rename(file.with_suffix(".2"))
        file.write_text("of another\n")
        writer.put("three")
        until(lambda: file.read_text() == "of another\nthree\n")
    assert moved.read_text() == "two\n"


def test_a_file_that_was_emptied_is_written_from_its_begin(file: Path) -> None:
    with opened(file) as writer:
        writer.put("one")
        until(lambda: file.read_text() == "one\n")
        os.truncate(file, 0)
        writer.put("two")
    assert file.read_text() == "two\n"


def test_who_reads_nothing_holds_nobody_up(
    pipe: tuple[Path, int], caplog: pytest.LogCaptureFixture
) -> None:
    path, reader = pipe
    line = "x" * 99_999
    with opened(path, limit=5) as writer:
        writer.put(line)
        until(lambda: writer._queue.qsize() == 0)  # It hangs in its write, or will.
        for _ in range(20):
            writer.put(line)
        assert writer.lost >= 10
        assert "lines are lost: they come faster" in caplog.text
        assert len(caplog.records) == 1
        lost, written = writer.lost, b""
        os.set_blocking(reader, True)
        while written.count(b"x\n") < 21 - lost:
            written += os.read(reader, 65_536)
        writer.put("last")
        writer.close()
        written += os.read(reader, 65_536)
    lines = written.splitlines()
    assert lines[-1] == b"last"
    assert sum(int(line[5:]) for line in lines if line.startswith(b"lost")) == lost


def test_the_end_is_not_held_up_either(
    pipe: tuple[Path, int], caplog: pytest.LogCaptureFixture
) -> None:
    writer = LineWriter(str(pipe[0]), encode, gap)
    writer.put("x" * 99_999)
    writer.close(0.2)
    assert "cannot be written" in caplog.text


def test_a_full_disk_is_told_once_and_cuts_no_later_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_full = True
    write = io.FileIO.write

    class Disk(io.FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            if not is_full:
                return write(self, data)
            if len(data) > 3:
                return write(self, data[:3])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(line_writer.io, "FileIO", Disk)
    with opened(file) as writer:
        for number in range(1, 4):
            writer.put("cut off")
            until(lambda number=number: writer.lost == number)
        is_full = False
        writer.put("whole")
    told = file.read_text().splitlines()
    assert told[-2:] == ["lost 3", "whole"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert os.strerror(errno.ENOSPC) in caplog.text


def test_what_cannot_be_encoded_costs_itself_only(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(file) as writer:
        for item in ("one", "\ud800", "two"):
            writer.put(item)
    assert file.read_text() == "one\ntwo\nlost 1\n"
    assert writer.lost == 1
    assert "UnicodeEncodeError" in caplog.text


_PROGRAM = """
import sys
if sys.argv[1] == "gevent":
    from gevent import monkey
    monkey.patch_all()
import os, threading
from wsgi_gateway.telemetry.line_writer import LineWriter
path = None if sys.argv[2] == "-" else sys.argv[2]
writer = LineWriter(path, lambda item: item.encode() + b"\\n", lambda lost: b"lost\\n")
writer.put("parent")
children = []
for child in range(3):
    pid = os.fork()
    if not pid:
        for number in range(200):
            writer.put(f"{child} {number} " + str(child) * 8000)
        sys.exit(0)
    children.append(pid)
threads = [threading.Thread(target=writer.put, args=(f"thread {at}",)) for at in range(9)]
for thread in threads: thread.start()
for thread in threads: thread.join()
for pid in children: os.waitpid(pid, 0)
writer.put("end")
"""


@pytest.mark.parametrize("way", ["gevent", "threads"])
@pytest.mark.parametrize("where", ["-", "file"])
def test_several_processes_and_threads_write_whole_lines_up_to_their_end(
    way: str, where: str, file: Path
) -> None:
    program = [sys.executable, "-c", _PROGRAM, way, "-" if where == "-" else str(file)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    lines = (done.stdout if where == "-" else file.read_text()).splitlines()
    expected = {
        f"{child} {number} " + str(child) * 8000 for child in range(3) for number in range(200)
    }
    expected |= {f"thread {at}" for at in range(9)} | {"parent", "end"}
    assert len(lines) == len(expected)
    assert set(lines) == expected
