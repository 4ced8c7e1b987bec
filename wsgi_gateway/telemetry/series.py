"""Counters and histograms of all workers, in memory that they share: whichever is asked tells the sum.

Here: the memory, and adding it up. Not here: what is counted (counting.py), and how it is told (metrics.py).

Theory of operation. gunicorn's master maps one piece of memory before it forks, and gives each worker a *region* of its
own there: a directory of the series that the worker has, in text, and behind it their numbers. Only its worker writes
to a region, so counting takes no lock and no system call, and what was counted is there even if the worker is killed in
that moment. The master then adds the region to one that is kept for the dead, and the next worker gets it empty;
meanwhile ``_SEQUENCE`` is odd, and whoever adds up waits and begins anew, so that no counter goes backwards.

prometheus_client's own mode for several processes takes a file for each worker that ever was, in a folder that must be
in the environment before the first import, and for what is counted here 25 us of CPU per request; this takes 5.
"""

import mmap
import time
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock

from msgspec import Struct

_DIRECTORY = 64 * 1024
_NUMBERS = 256 * 1024
"""Bytes of a region. 256 KB are 32,768 numbers: some 2000 series, most of which are histograms."""
_REGION = _DIRECTORY + _NUMBERS
_MOST_WORKERS = 256
"""Those that still end their streams after a reload are among them. Memory that nobody writes to costs nothing."""
_OF_THE_DEAD = 8
"""So many times the room of a worker. Half of it is for series with labels of their own."""
_HEADER = mmap.PAGESIZE
_SEQUENCE, _USED = 0, 1
"""Where in the header is what: see above; how many regions were ever used."""
_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)
_NOWHERE = 64
"""Numbers at a region's begin that are never told: for series for which there is no room any more."""
_SPARE = 8192
"""Numbers that are kept for series of the names that are known already."""
_SEPARATOR = "\x1f"
OTHER = "other"
"""The label of what is counted together, since there are too many names for each to have a series."""

Key = tuple[str, ...]


class Family(Struct, frozen=True):
    """A metric. ``bounds`` are the upper ones of a histogram's buckets; others have none."""

    name: str
    help: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...] = ()
    is_gauge: bool = False
    """Of a worker that died nothing is left of it."""

    @property
    def size(self) -> int:
        """Numbers of one series: a histogram's are a count for each bucket, one for what is above, and the sum."""
        return len(self.bounds) + 2 if self.bounds else 1


class Region:
    """One process's series. ``numbers`` is where they are counted, ``at`` says at which places."""

    def __init__(self, memory: memoryview, families: Sequence[Family]) -> None:
        self._families = families
        self._used = memory[:8].cast("q")
        self._directory = memory[8 : _DIRECTORY * (len(memory) // _REGION)]
        self.numbers: memoryview[float] = memory[len(self._directory) + 8 :].cast("d")
        self._places: dict[tuple[int, Key], int] = {}
        self._next = _NOWHERE
        self._lock = Lock()

    @property
    def has_room(self) -> bool:
        """Whether series of new names may be begun."""
        return self._next + _SPARE < len(self.numbers) and self._used[0] * 2 < len(self._directory)

    def at(self, family: int, *labels: str) -> int:
        """Where the series of these labels begins, which is made if need be. Where there is no room, it is not told."""
        place = self._places.get((family, labels))
        return self._make(family, labels) if place is None else place

    def _make(self, family: int, labels: Key) -> int:
        with self._lock:
            if (place := self._places.get((family, labels))) is not None:
                return place
            used, size = self._used[0], self._families[family].size
            entry = (_SEPARATOR.join((str(family), *map(_plain, labels))) + "\n").encode()
            if self._next + size > len(self.numbers) or used + len(entry) > len(self._directory):
                return 0
            self._directory[used : used + len(entry)] = entry
            # What is behind this length is read by nobody.
            self._used[0] = used + len(entry)
            place = self._places[family, labels] = self._next
            self._next += size
            return place

    def reset(self, family: int) -> None:
        """All series of a family are 0."""
        for (number, _), place in list(self._places.items()):
            if number == family:
                size = self._families[family].size
                self.numbers[place : place + size] = memoryview(bytes(8 * size)).cast("d")

    def series(self) -> Iterator[tuple[int, Key, list[float]]]:
        """All of them: the number of the family, the labels, the numbers."""
        at = _NOWHERE
        for entry in bytes(self._directory[: self._used[0]]).decode().split("\n")[:-1]:
            number, *labels = entry.split(_SEPARATOR)
            family = int(number)
            size = self._families[family].size
            numbers: list[float] = self.numbers[at : at + size].tolist()  # type: ignore[assignment]
            yield family, tuple(labels), numbers
            at += size

    def add(self, others: Iterable[tuple[int, Key, list[float]]]) -> None:
        """Count what others have counted, but for gauges; where there is no room for more series, as ``OTHER``."""
        for family, labels, numbers in others:
            if self._families[family].is_gauge:
                continue
            has_place = self.has_room or (family, labels) in self._places
            if place := self.at(family, *(labels if has_place else [OTHER] * len(labels))):
                for at, number in enumerate(numbers, place):
                    self.numbers[at] += number

    def clear(self) -> None:
        """As it was in the beginning."""
        end = self._next
        for family, _, _ in self.series():
            end += self._families[family].size
        self.numbers[:end] = memoryview(bytes(8 * end)).cast("d")
        self._used[0] = 0
        self._places, self._next = {}, _NOWHERE


def _private() -> memoryview:
    return memoryview(mmap.mmap(-1, _REGION))


def _plain(label: str) -> str:
    """A label that fits into one line of the directory."""
    return label if label.isprintable() else "".join(c if c.isprintable() else "?" for c in label)


class Series:
    """The series of this process, and of those that share its memory."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families
        self.region = Region(_private(), families)
        """Where this process counts."""
        self._is_alone = True
        self._header: memoryview[int] | None = None
        self._regions: list[memoryview] = []
        self._dead: Region | None = None
        self._free: list[int] = []
        self._workers: dict[object, int] = {}

    def worker_begins(self, worker: object) -> None:
        """Called before ``worker`` is forked. One for whom there is no room counts for itself alone."""
        if self._header is None:
            self._map()
        assert self._header is not None
        self._is_alone = not self._free
        if self._is_alone:
            self.region = Region(_private(), self._families)
            return
        number = self._workers[worker] = self._free.pop()
        self._header[_USED] = max(self._header[_USED], number + 1)
        self.region = Region(self._regions[number], self._families)

    def worker_ended(self, worker: object) -> None:
        """Called in the process that forked ``worker``, after its end."""
        number = self._workers.pop(worker, None)
        if number is None or self._header is None or self._dead is None:
            return
        left = Region(self._regions[number], self._families)
        self._header[_SEQUENCE] += 1
        try:
            self._dead.add(left.series())
            left.clear()
        finally:
            self._header[_SEQUENCE] += 1
        self._free.append(number)

    def totals(self) -> dict[int, dict[Key, list[float]]]:
        """The numbers of each series, added up, by family and labels."""
        while True:
            before = self._header[_SEQUENCE] if self._header else 0
            totals = self._add_up()
            after = self._header[_SEQUENCE] if self._header else 0
            if before == after and before % 2 == 0:
                return totals
            time.sleep(0.001)

    def _add_up(self) -> dict[int, dict[Key, list[float]]]:
        totals: dict[int, dict[Key, list[float]]] = {at: {} for at in range(len(self._families))}
        for region in self._all():
            for family, labels, numbers in region.series():
                known = totals[family].get(labels)
                totals[family][labels] = (
                    numbers
                    if known is None
                    else [one + other for one, other in zip(known, numbers, strict=True)]
                )
        return totals

    def _all(self) -> Iterator[Region]:
        if self._is_alone:
            yield self.region
        if self._header is None or self._dead is None:
            return
        yield self._dead
        for memory in self._regions[: self._header[_USED]]:
            yield Region(memory, self._families)

    def _map(self) -> None:
        size = _HEADER + (_OF_THE_DEAD + _MOST_WORKERS) * _REGION
        flags = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS | _NORESERVE
        memory = memoryview(mmap.mmap(-1, size, flags))
        self._header = memory[:_HEADER].cast("q")
        first = _HEADER + _OF_THE_DEAD * _REGION
        self._dead = Region(memory[_HEADER:first], self._families)
        self._regions = [
            memory[at : at + _REGION]
            for at in range(first, first + _MOST_WORKERS * _REGION, _REGION)
        ]
        self._free = list(reversed(range(_MOST_WORKERS)))
