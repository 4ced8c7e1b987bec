"""Responses that are made in the background: whether somebody still works on each, who ends it, what it has told.

Only one may end a response: its worker, a client that cancels it, or who finds its worker dead. The storage decides:
of several that append to a new key, one alone is the first.
"""

import re
import time
from collections.abc import Callable, Iterable

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.state.responses import Responses, StoredResponse
from wsgi_gateway.state.store import Namespace

BEAT = 5.0
"""Seconds from one sign of life of a worker to the next."""
_DEAD = 60.0
"""Seconds without one after which a worker is taken for dead: more than the clocks of two machines differ."""

_BEAT, _END, _EVENTS = "beat ", "end ", "events "
_CANCELLED = b"cancelled "
"""What the mark of a client that cancels begins with."""
_DELETED = b"deleted "
"""And that of one that deletes."""
_NUMBER = re.compile(rb'"sequence_number":(\d{1,9})\b')
TERMINAL = re.compile(
    rb"^event: response\.(?:completed|incomplete|failed|cancelled)$", re.MULTILINE
)
_GONE = {"code": "server_error", "message": "the gateway's worker that made this response is gone"}


class Runs:
    """One client's. All methods raise StoreDown. ``clock`` tells seconds since 1970."""

    def __init__(self, store: Namespace, clock: Callable[[], float] = time.time) -> None:
        self.owner = store.name
        """Whose they are."""
        self._store = store
        self._responses = Responses(store)
        self._clock = clock
        self._mark = new_id("").encode()

    def beat(self, ids: Iterable[str]) -> None:
        """Say that these are worked on."""
        now = encode(self._clock())
        self._store.put({_BEAT + id_: now for id_ in ids})

    def ended(self, ids: Iterable[str]) -> set[str]:
        """Those that somebody has ended."""
        return {key.removeprefix(_END) for key in self._store.get(_END + id_ for id_ in ids)}

    def end(self, id_: str) -> bool:
        """Whether the caller ends it. It may ask again: of a write that failed nobody knows the outcome."""
        return self._end(id_, self._mark)

    def _end(self, id_: str, mark: bytes) -> bool:
        key = _END + id_
        return self._store.append(key, [mark]) == 0 or self._store.read(key, 0, 1) == [mark]

    def _was_cancelled(self, id_: str) -> bool:
        """Whether it was ended by a client, which may not have come to write down what follows."""
        return any(mark.startswith(_CANCELLED) for mark in self._store.read(_END + id_, 0, 1))

    def current(self, id_: str) -> StoredResponse | None:
        """The response as it is now, failed if nobody works on it any more; None if it is unknown."""
        stored = self._responses.response(id_)
        if stored is None or not stored.is_open or stored.origin is not None or self._is_alive(id_):
            return stored
        if not self.end(id_) and self._was_cancelled(id_):
            return self._settle(id_, {"status": "cancelled"})
        return self._settle(id_, {"status": "failed", "error": _GONE})

    def cancel(self, id_: str) -> StoredResponse | None:
        """The response as it is now, cancelled if it had no end yet; None if it is unknown."""
        stored = self.current(id_)
        if stored is None or not stored.is_open:
            return stored
        if self._end(id_, _CANCELLED + self._mark) or self._was_cancelled(id_):
            return self._settle(id_, {"status": "cancelled"})
        return stored

    def delete(self, id_: str) -> bool:
        """Whether there was anything to delete. That it has ended stays known: its worker may not have heard."""
        stored = self._responses.response(id_)
        if stored is None:
            return False
        if stored.background or stored.is_open:
            self._end(id_, _DELETED + self._mark)
        self._remove(id_)
        return True

    def delete_again(self, id_: str) -> bool:
        """Whether somebody deleted it; what was written of it meanwhile goes, too.

        For whoever writes of a response that is made in the background, afterwards: a client may delete it at any time.
        """
        is_deleted = any(mark.startswith(_DELETED) for mark in self._store.read(_END + id_))
        if is_deleted:
            self._remove(id_)
        return is_deleted

    def change(self, id_: str, fields: Json) -> Json | None:
        """The object with other values of these fields, which are kept; None if it is unknown, or deleted meanwhile."""
        response = self._responses.change(id_, fields)
        return None if response is None or self.delete_again(id_) else response

    def log(self, id_: str, data: bytes) -> None:
        """Keep whole events for clients that come later."""
        self._store.append(_EVENTS + id_, [data])

    def has_log(self, id_: str) -> bool:
        """Whether its events are kept."""
        return self._store.length(_EVENTS + id_) > 0

    def logged(self, id_: str, start: int) -> list[bytes]:
        """What was logged, piece by piece, from that number on.

        Behind the end is nothing, though a worker that has not heard of it yet may log more.
        """
        pieces = self._store.read(_EVENTS + id_, start)
        ends = (count for count, piece in enumerate(pieces, 1) if TERMINAL.search(piece))
        return pieces[: next(ends, None)]

    def _is_alive(self, id_: str) -> bool:
        value = self._store.get([_BEAT + id_]).get(_BEAT + id_)
        return value is not None and self._clock() - float(value) <= _DEAD

    def _remove(self, id_: str) -> None:
        self._store.delete([_BEAT + id_, _EVENTS + id_])
        self._responses.delete(id_)

    def _settle(self, id_: str, change: Json) -> StoredResponse | None:
        """Give it its end, and its stream, if it has one, the event that says so."""
        response = self._responses.change(id_, change)
        if response is not None:
            self._log_end(id_, response)
        self.delete_again(id_)
        return self._responses.response(id_)

    def _log_end(self, id_: str, response: Json) -> None:
        length = self._store.length(_EVENTS + id_)
        if not length:
            return
        last = b"".join(self._store.read(_EVENTS + id_, length - 1))
        if TERMINAL.search(last):
            return  # Another one was as fast.
        numbers = _NUMBER.findall(last)
        self.log(id_, last_event(response, int(numbers[-1]) + 1 if numbers else 0))


def last_event(response: Json, number: int) -> bytes:
    """The event that says how a response has ended."""
    kind = f"response.{response['status']}"
    event = {"type": kind, "sequence_number": number, "response": response}
    return sse.encode(encode(event), kind)


def behind(data: bytes, number: int) -> tuple[bytes, int]:
    """Of whole events those behind that number, with all comments; and the number of the last of them."""
    kept = []
    for frame in data.split(b"\n\n")[:-1]:
        found = None if frame.startswith(b":") else _NUMBER.search(frame)
        at = number if found is None else int(found.group(1))
        if found is None or at > number:
            kept.append(frame + b"\n\n")
            number = at
    return b"".join(kept), number
