"""Attempts of one request side by side: the first that answers commits, the others are closed at once.

Theory of operation. Each attempt has a greenlet and a copy of the call, so that none writes into another's headers,
and a watch of its own in the client's place, by which it can be stopped where it waits for its upstream. The client's
greenlet waits for whoever ends first. The winner's call becomes the request's, and its watch the client's: what it
still reads ends when the client leaves. It needs the gateway's own server: where nothing is patched for gevent, a wait
cannot be ended.

Here: starting, waiting, stopping. Not here: when another attempt starts, and at whom (attempts.py, routing).
"""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

import gevent
from gevent import monkey
from gevent.queue import Empty, SimpleQueue

from wsgi_gateway.client_watch import ClientGone, RaceWatch
from wsgi_gateway.exchange.call import Answer, Call
from wsgi_gateway.routing import Member


def can_race() -> bool:
    """Whether there is a server that can do it."""
    return bool(monkey.is_module_patched("socket"))


class Runner:
    """One attempt. ``outcome`` is what came of it: an answer, or what was raised."""

    def __init__(self, call: Call, member: Member) -> None:
        self.member = member
        self.watch = RaceWatch()
        self.call = call.beside(self.watch)
        self.outcome: Answer | BaseException | None = None

    def result(self) -> Answer:
        """The answer, once there is an outcome. Raises what was raised."""
        outcome = self.outcome
        assert outcome is not None, "it has ended"
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def stop(self) -> None:
        """Its upstream is let go, now or when it waits for it the next time; what it has already is closed."""
        self.watch.stop()
        close = getattr(getattr(self.outcome, "body", None), "close", None)
        if close is not None:
            close()


class Race:
    """A context: whoever is under way at its end is stopped. ``ask`` makes one attempt with a call of its own."""

    def __init__(self, call: Call, ask: Callable[[Call, Member], Answer]) -> None:
        self._call = call
        self._ask = ask
        self._running: list[Runner] = []
        self._ended: SimpleQueue[Runner] = SimpleQueue()
        self._is_over = False

    @property
    def is_running(self) -> bool:
        """Whether the outcome of any attempt is still to be taken."""
        return bool(self._running)

    def start(self, member: Member) -> None:
        """Begin an attempt."""
        runner = Runner(self._call, member)
        self._running.append(runner)
        gevent.spawn(self._run, runner)

    def next(self, seconds: float | None) -> Runner | None:
        """The attempt that ends next; None if none does in time. Raises ClientGone.

        What it made of its call is the request's then: its headers, and who was asked.
        """
        wait = partial(self._ended.get, timeout=seconds)
        try:
            runner: Runner = self._call.request.client.wait(wait)
        except Empty:
            return None
        except ClientGone:
            self._call.take_over(self._running[0].call)  # What it used, the client has used.
            raise
        self._running.remove(runner)
        self._call.take_over(runner.call)
        if isinstance(runner.outcome, Answer):
            runner.watch.hand_over(self._call.request.client)
        return runner

    def _run(self, runner: Runner) -> None:
        try:
            runner.outcome = self._ask(runner.call, runner.member)
        except BaseException as error:  # noqa: BLE001 - it is raised where the outcome is taken
            if not self._is_over:
                runner.outcome = error
        if self._is_over:
            runner.stop()
        else:
            self._ended.put(runner)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over = True
        for runner in self._running:
            runner.stop()
