"""A stream that begins before its upstream does, for clients and proxies that do not bear a long silence.

Theory of operation. The attempts go on in a greenlet of their own, while the client's waits for them. If they take
longer than a keepalive's time, the client is answered: its status is 200 from then on, whatever comes, and what the
headers would have told follows in comments. A client that leaves ends its attempts. It needs the gateway's own server:
where nothing is patched for gevent, a wait is not interrupted.
"""

import logging
from collections.abc import Callable, Iterator

import gevent
from gevent import monkey

from wsgi_gateway.client_watch import ClientGone, ClientWatch, NoWatch
from wsgi_gateway.exchange.call import Answer
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.last_guard import let_go
from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.telemetry.record import Ending

_log = logging.getLogger(__name__)


def can_begin_early() -> bool:
    """Whether there is a server that can do it."""
    return bool(monkey.is_module_patched("socket"))


class Pending:
    """The answer that ``work`` will give."""

    def __init__(self, work: Callable[[], Answer]) -> None:
        self._outcome: Answer | BaseException | None = None
        self._greenlet = gevent.spawn(self._run, work)

    def _run(self, work: Callable[[], Answer]) -> None:
        try:
            self._outcome = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is asked for
            self._outcome = error

    def wait(self, seconds: float | None) -> bool:
        """Whether the answer is there. Raises ClientGone; there is no answer to come then."""
        try:
            self._greenlet.join(seconds)
        except BaseException:
            self.cancel()
            raise
        return bool(self._greenlet.dead)

    def result(self) -> Answer:
        """The answer, once it is there. Raises what ``work`` raised."""
        outcome = self._outcome
        if outcome is None:
            raise ClientGone
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def cancel(self) -> None:
        """End the work, or close what came of it."""
        self._greenlet.kill(ClientGone)
        if isinstance(self._outcome, BaseException):
            let_go(self._outcome)
        body = getattr(self._outcome, "body", None)
        if (close := getattr(body, "close", None)) is not None:
            close()


class EarlyStream:
    """``told`` gives the headers that came too late; ``failure`` writes a failed stream in the client's dialect.

    ``client`` is the request's watch, which is closed with it: where no answer comes nobody else does that.
    """

    def __init__(
        self,
        pending: Pending,
        keepalive: Keepalive,
        told: Callable[[], dict[str, str]],
        failure: Callable[[ApiError], bytes],
        client: ClientWatch | NoWatch,
    ) -> None:
        self._pending = pending
        self._failure = failure
        self._keepalive = keepalive
        self._told = told
        self._client = client
        self.ending: Ending = "client_gone"
        """How it ended, once it has."""
        self.error: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield self._keepalive.sign
            while not self._pending.wait(self._keepalive.seconds):
                yield self._keepalive.sign
            answer = self._pending.result()
        except ClientGone:
            return
        except ApiError as error:
            self.ending, self.error = "failed", error.kind
            yield self._comments() + self._failure(error)
            return
        except Exception:  # noqa: BLE001 - the last guard: a client never sees a traceback
            self.ending, self.error = "failed", "server"
            _log.exception("a request failed inside the gateway")
            yield self._failure(ApiError("server", "the gateway failed on this request"))
            return
        yield self._comments()
        yield from answer.body if not isinstance(answer.body, bytes) else [answer.body]
        self.ending = getattr(answer.body, "ending", "finished")
        self.error = getattr(answer.body, "error", None)

    def close(self) -> None:
        self._pending.cancel()
        self._client.close()

    def _comments(self) -> bytes:
        return b"".join(sse.comment(f"{name}: {value}") for name, value in self._told().items())
