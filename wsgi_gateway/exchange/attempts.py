"""Walks a request's attempts: asks one deployment, and where that fails before its first good event, the next.

Who is asked and how soon is decided in ``routing``; what one attempt does is the exchange's. An attempt begins from the
client's own request each time, so nothing of a failed one is left in the next: no header, no warning, no key.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from random import Random
from time import monotonic

from wsgi_gateway.client_watch import ClientGone, GatewayStopping
from wsgi_gateway.config.model import Retries
from wsgi_gateway.exchange.call import Answer, Call
from wsgi_gateway.exchange.race import Race, Runner
from wsgi_gateway.exchange.relay import Stream
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.routing import Attempt, Member, Plan, Pool, Setback, Step, failure_of
from wsgi_gateway.state import StoreDown
from wsgi_gateway.upstream import seconds_asked

_DEADLINES = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Seconds that the SDKs wait for the next byte, and for all: Python's, and JavaScript's and Python's."""

_NOT_THE_UPSTREAMS = (StoreDown, GatewayStopping)
"""Failures that say nothing of a deployment, and that no other one would spare a client."""


class Attempts:
    """One per gateway. ``sleep`` waits as long as it is told; ``clock`` goes as ``monotonic``.

    ``can_race``: whether attempts can be made side by side, where the config wants that.
    """

    def __init__(
        self,
        rules: Retries,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], object] | None = None,
        dice: Random | None = None,
        *,
        can_race: bool = False,
    ) -> None:
        self.rules = rules
        self.can_race = can_race
        self.clock = clock
        self.sleep = sleep or (lambda seconds: time.sleep(seconds))
        # Who guesses them learns which deployment is asked, and when.
        self.dice = dice or Random()  # nosec B311

    def answer(self, call: Call, handle: Callable[[Call], Answer]) -> Answer:
        """What ``handle`` makes of ``call`` at the first deployment that answers. Raises the last one's ApiError.

        ``call`` is then aimed at the one that was asked last.
        """
        pool = call.pool
        assert pool is not None, "it was routed"
        pool.budget.requests += 1
        if not pool.is_lone:
            return _Walk(self, call, handle, pool).from_first()
        try:
            return handle(call)
        except ApiError as error:
            return _Walk(self, call, handle, pool).after(error)


class _Walk:
    """One request's."""

    def __init__(
        self, tools: Attempts, call: Call, handle: Callable[[Call], Answer], pool: Pool
    ) -> None:
        self._tools = tools
        self._call = call
        self._handle = handle
        self._asked_model = call.model
        headers = call.request.headers
        self._plan = Plan(
            pool,
            tools.rules,
            tools.dice,
            may_repeat=not _is_lasting(call),
            is_repeated=headers.get("x-stainless-retry-count", "0") != "0",
        )
        self._can_race = tools.can_race and not _leaves_more(call)
        started, total = call.progress.started, call.provider.timeouts.total
        asked = _asked_limits(headers)
        self._client_gives_up = started + min(asked) if asked else inf
        end = min(self._client_gives_up, inf if total is None else started + total)
        call.progress.deadline = end if end < inf else None

    def from_first(self) -> Answer:
        """The first attempt and those that follow."""
        first = self._plan.first(self._tools.clock())
        self._aim(self._call, first)
        return self._walk(first)

    def after(self, error: ApiError) -> Answer:
        """The attempts that follow a first one, which failed so."""
        step = self._next(error)
        return self._walk(step.member)

    def _walk(self, member: Member) -> Answer:
        while True:
            try:
                return self._ask_late_ones_elsewhere(member)
            except ApiError as error:
                member = self._next(error).member

    def _ask_late_ones_elsewhere(self, member: Member) -> Answer:
        """What ``member`` answers, or who was asked beside it when it was late. Raises the ApiError that came last."""
        hedging = self._plan.hedging
        if hedging is None or not self._can_race:
            return self._ask(self._call, member)
        late = hedging.delay(streams=self._call.streams)
        if late is None:
            return self._ask(self._call, member)
        with Race(self._call, self._aim_and_ask) as race:
            race.start(member)
            while True:
                runner = race.next(late)
                if runner is None:
                    another = self._plan.beside(self._tools.clock())
                    if another is None:
                        late = None
                    else:
                        self._call.progress.attempts += 1
                        race.start(another)
                elif not self._is_passed_over(runner, race):
                    return runner.result()

    def _is_passed_over(self, runner: Runner, race: Race) -> bool:
        """Whether an attempt failed in such a way that the others may still answer."""
        if not isinstance(runner.outcome, ApiError):
            return False
        may_help = self._plan.failed(runner.member, _setback(self._call, runner.outcome))
        return may_help and race.is_running and not isinstance(runner.outcome, _NOT_THE_UPSTREAMS)

    def _next(self, error: ApiError) -> Step:
        """Wait for, and aim at, the next step after ``error``; raises it if there is none."""
        if isinstance(error, _NOT_THE_UPSTREAMS):
            raise error
        call, now = self._call, self._tools.clock()
        step = self._plan.after(_setback(call, error), now)
        if step is None or (
            call.progress.deadline is not None and now + step.delay >= call.progress.deadline
        ):
            raise error
        if step.delay:
            call.request.client.wait(partial(self._tools.sleep, step.delay))
        self._aim(call, step.member)
        call.progress.attempts += 1
        return step

    def _aim(self, call: Call, member: Member) -> None:
        deployment = member.deployment
        model = self._asked_model if deployment.model == "*" else deployment.model
        call.aim(deployment.provider, model)

    def _aim_and_ask(self, call: Call, member: Member) -> Answer:
        self._aim(call, member)
        return self._ask(call, member)

    def _ask(self, call: Call, member: Member) -> Answer:
        clock, hedging = self._tools.clock, self._plan.hedging
        began = clock()
        attempt = member.deployment.begin(began)
        try:
            answer = self._handle(call)
        except ApiError as error:
            self._note_failure(call, attempt, error)
            raise
        except ClientGone:
            now = clock()
            attempt.unanswered(now, streams=call.streams)
            if hedging is not None:
                hedging.unanswered(now - began, streams=call.streams)
            raise
        except BaseException:
            attempt.abandoned()
            raise
        now = clock()
        attempt.answered(now, streams=call.streams)
        if hedging is not None:
            hedging.answered(now - began, streams=call.streams)
        if isinstance(answer.body, Stream):
            answer.body.on_close = lambda broke: attempt.ended(clock(), broke=broke)
        else:
            attempt.ended(clock(), broke=False)
        return answer

    def _note_failure(self, call: Call, attempt: Attempt, error: ApiError) -> None:
        now = self._tools.clock()
        setback = _setback(call, error)
        in_haste = setback.failure == "timeout" and now >= self._client_gives_up
        if in_haste or isinstance(error, _NOT_THE_UPSTREAMS):
            attempt.abandoned()  # That says nothing about the deployment.
        else:
            attempt.failed(setback.failure, now, setback.wait)


def _setback(call: Call, error: ApiError) -> Setback:
    failure = failure_of(error, was_sent=call.progress.was_sent)
    headers = call.headers | error.headers
    # Whoever names his request himself is told that another of this name is being worked on.
    is_named = failure == "conflict" and "idempotency-key" in call.request.headers
    return Setback(
        failure=failure,
        wait=seconds_asked(headers),
        is_final=is_named or headers.get("x-should-retry") == "false",
    )


def _is_lasting(call: Call) -> bool:
    """Whether a request leaves more at the upstream than its reply: sent twice, it would be there twice."""
    return call.same_api and _leaves_more(call)


def _leaves_more(call: Call) -> bool:
    """The same wherever it is kept, at the upstream or here."""
    if call.client.name != "responses":
        return False
    return bool(call.fields.get("conversation") or call.fields.get("background"))


def _asked_limits(headers: Mapping[str, str]) -> list[float]:
    """Seconds. What is no number of them is no limit."""
    limits = []
    for name in _DEADLINES:
        try:
            seconds = float(headers.get(name, "0"))
        except ValueError:
            continue
        if seconds > 0:
            limits.append(seconds)
    return limits
