"""Counts each request's record. What of it becomes a label is bounded: clients and upstreams can write anything.

Not here: the names of metrics (families.py), the memory that they are counted in (series.py).
"""

from bisect import bisect_left

from msgspec import Struct

from wsgi_gateway.config.model import NANODOLLARS
from wsgi_gateway.telemetry import families
from wsgi_gateway.telemetry.families import FAMILIES
from wsgi_gateway.telemetry.gen_ai import operation_name, provider_name
from wsgi_gateway.telemetry.record import Attempt, Record
from wsgi_gateway.telemetry.series import OTHER, Region, Series

_MOST_NAMES = 100
"""Models that the config does not name, as behind ``provider/*``, and names that upstreams have for what answered."""
_LONGEST_NAME = 100
_MOST_PLANS = 2000

_ABOUT_MODELS = ("reply", "count_tokens", "compaction")
_DURATION, _TOKENS, _FIRST, _EACH, _OVERHEAD = (
    FAMILIES[family].bounds
    for family in (
        families.DURATION,
        families.TOKENS,
        families.FIRST_TOKEN,
        families.EACH_TOKEN,
        families.OVERHEAD,
    )
)


class _Names:
    """Names that may be labels: those that are ``known``, and a bounded number of those that are worth it."""

    def __init__(self, known: frozenset[str] = frozenset()) -> None:
        self._known = known
        self._names: set[str] = set()

    def __len__(self) -> int:
        return len(self._names)

    def label(self, name: str | None, region: Region, *, is_worth_it: bool) -> str:
        if name is None:
            return ""
        if name in self._names:
            return name
        is_known = name in self._known
        if not region.has_room or not (is_known or is_worth_it):
            return OTHER
        if not is_known and (len(self._names) >= _MOST_NAMES or len(name) > _LONGEST_NAME):
            return OTHER
        self._names.add(name)
        return name


class _Plan(Struct, frozen=True, gc=False):
    """Where records are counted that are alike but for their numbers; 0 for what they have not."""

    requests: int
    duration: int = 0
    input: int = 0
    output: int = 0
    first: int = 0
    each: int = 0
    overhead: int = 0
    answered: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


class Counting:
    """An observer. ``models`` are the ids that the config knows."""

    def __init__(self, series: Series, models: frozenset[str]) -> None:
        self._series = series
        self._models = _Names(models)
        self._answering = _Names()
        self._plans: dict[tuple[object, ...], _Plan] = {}

    def __call__(self, record: Record) -> None:
        region = self._series.region
        numbers = region.numbers
        plan = self._plan_of(record, region)
        numbers[plan.requests] += 1
        if plan.duration:
            _observe(numbers, plan.duration, _DURATION, record.ended - record.started)
            usage = record.usage
            if usage is not None:
                _observe(numbers, plan.input, _TOKENS, usage.input)
                _observe(numbers, plan.output, _TOKENS, usage.output)
                numbers[plan.cache_read] += usage.cache_read
                numbers[plan.cache_write] += usage.cache_write
                numbers[plan.reasoning] += usage.reasoning or 0
            if plan.overhead:
                _observe(numbers, plan.overhead, _OVERHEAD, record.own_time)
            begun = record.attempts[-1].begun
            if plan.first and begun is not None:
                _observe(numbers, plan.first, _FIRST, begun - record.started)
                if usage is not None and usage.output > 1:
                    seconds = (record.ended - begun) / (usage.output - 1)
                    _observe(numbers, plan.each, _EACH, seconds)
        attempts = record.attempts
        if plan.answered and len(attempts) == 1 and attempts[0].failure is None:
            numbers[plan.answered] += 1
        else:
            for attempt in attempts:
                outcome = _outcome(attempt, record)
                numbers[region.at(families.ATTEMPTS, attempt.provider, outcome)] += 1
        if record.approximated or record.dropped or record.limit or record.cost or record.earlier:
            self._count_rest(record, region)

    def _plan_of(self, record: Record, region: Region) -> _Plan:
        key = (
            record.api,
            record.method,
            record.status,
            record.ending,
            record.error,
            record.provider,
            record.model,
            record.response_model,
            record.streams,
            record.background,
            not record.attempts,
        )
        plan = self._plans.get(key)
        if plan is None:
            names = len(self._models) + len(self._answering)
            plan = self._plan(record, region)
            # Who has a name now had none in older plans.
            if len(self._plans) >= _MOST_PLANS or names != len(self._models) + len(self._answering):
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _plan(self, record: Record, region: Region) -> _Plan:
        at = region.at
        requests = at(
            families.REQUESTS, record.api, record.method, str(record.status), record.ending
        )
        if record.method not in _ABOUT_MODELS or not record.attempts or record.ending == "refused":
            return _Plan(requests)
        is_finished = record.ending == "finished"
        model = (
            operation_name(record.method),
            _provider(record),
            self._model(record, region),
            self._answering.label(record.response_model, region, is_worth_it=is_finished),
        )
        error = "" if is_finished else record.error or record.ending
        is_stream = is_finished and record.streams and not record.background
        details = model[1:3]
        return _Plan(
            requests,
            duration=at(families.DURATION, *model, error),
            input=at(families.TOKENS, *model, "input"),
            output=at(families.TOKENS, *model, "output"),
            first=at(families.FIRST_TOKEN, *model) if is_stream else 0,
            each=at(families.EACH_TOKEN, *model) if is_stream else 0,
            overhead=0 if record.background else at(families.OVERHEAD, record.api),
            answered=at(families.ATTEMPTS, record.provider or "", "answered") if is_finished else 0,
            cache_read=at(families.DETAILS, *details, "cache_read"),
            cache_write=at(families.DETAILS, *details, "cache_write"),
            reasoning=at(families.DETAILS, *details, "reasoning"),
        )

    def _model(self, record: Record, region: Region) -> str:
        is_finished = record.ending == "finished"
        return self._models.label(record.model, region, is_worth_it=is_finished)

    def _count_rest(self, record: Record, region: Region) -> None:
        numbers, at = region.numbers, region.at
        apis = record.api, record.upstream_api or ""
        if record.approximated:
            numbers[at(families.LOSSES, *apis, "approximated")] += record.approximated
        if record.dropped:
            numbers[at(families.LOSSES, *apis, "dropped")] += record.dropped
        if record.limit:
            numbers[at(families.LIMITS, record.limit)] += 1
        if record.cost:
            place = at(families.COST, record.provider or "", self._model(record, region))
            numbers[place] += record.cost / NANODOLLARS
        for kind, model, usage in record.earlier:
            name = self._models.label(model, region, is_worth_it=True)
            labels = "compaction", provider_name(kind), name, ""
            _observe(numbers, at(families.TOKENS, *labels, "input"), _TOKENS, usage.input)
            _observe(numbers, at(families.TOKENS, *labels, "output"), _TOKENS, usage.output)


def forget_health(series: Series) -> None:
    """Of the deployments that there were: there are others now, nothing is known of them."""
    series.region.reset(families.EJECTED)


def show_health(series: Series, provider: str, model: str, is_well: bool) -> None:
    """Whether a deployment is left alone."""
    region = series.region
    region.numbers[region.at(families.EJECTED, provider, model)] = float(not is_well)


def note_health(series: Series, provider: str, model: str, is_well: bool) -> None:
    """A deployment is left alone from now on, or no longer."""
    show_health(series, provider, model, is_well)
    if not is_well:
        region = series.region
        region.numbers[region.at(families.EJECTIONS, provider, model)] += 1


def _provider(record: Record) -> str:
    kind = record.kind or ""
    return provider_name(kind)


def _outcome(attempt: Attempt, record: Record) -> str:
    """What came of it: answered, a class of failure, or why nobody waited for more."""
    if attempt.failure is not None:
        return attempt.failure
    if attempt.begun is None and record.ending in ("client_gone", "cancelled", "cut"):
        return record.ending
    return "answered"


def _observe(
    numbers: "memoryview[float]", at: int, bounds: tuple[float, ...], value: float
) -> None:
    """Count a value in a histogram's series."""
    numbers[at + bisect_left(bounds, value)] += 1
    numbers[at + len(bounds) + 1] += value
