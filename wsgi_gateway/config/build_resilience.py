"""``timeouts``, ``retries``, ``health``, ``keepalive``, ``background``, hedges and fallbacks.

Here: the rules between their keys, and the defaults. Every breach is reported and the rest goes on.
"""

import re
from collections.abc import Sequence

from msgspec import structs

from wsgi_gateway.config.build import read_seconds
from wsgi_gateway.config.model import (
    FALLBACK_ON,
    BackgroundRules,
    Failure,
    Fallback,
    HealthRules,
    Hedge,
    KeepaliveRules,
    Listener,
    Retries,
    Timeouts,
)
from wsgi_gateway.config.problems import Path, Report
from wsgi_gateway.config.resilience_schema import (
    BackgroundEntry,
    HealthEntry,
    HedgeEntry,
    KeepaliveEntry,
    RetriesEntry,
    TimeoutsEntry,
)

_PERCENTILE = re.compile(r"p([5-9]\d)", re.ASCII)


def timeouts_of(listener: Listener) -> Timeouts:
    """The defaults: a listener's timeout bounds every silence."""
    limit = listener.timeout
    if limit is None and not listener.is_unlimited:
        return Timeouts()
    return Timeouts(first_event=limit, idle=limit, plain=limit)


def build_timeouts(
    entry: TimeoutsEntry | None, default: Timeouts, path: Path, report: Report
) -> Timeouts:
    """What an entry says, and ``default`` for what it leaves out."""
    changes: dict[str, float | None] = {}
    for key in ("connect", "first_event", "idle", "total"):
        value = getattr(entry, key) if entry else None
        if value is not None:
            changes[key] = read_seconds(value, (*path, key), report)
    if "total" in changes:
        changes["plain"] = changes["total"]
    return structs.replace(default, **changes) if changes else default


def build_retries(entry: RetriesEntry | None, listener_max: int | None, report: Report) -> Retries:
    """``listener_max`` is Plano's ``max_retries``, which holds where ``retries`` has none."""
    default, path = Retries(), ("retries",)
    entry = entry or RetriesEntry()
    base = _positive(entry.base_delay, default.base_delay, (*path, "base_delay"), report)
    longest = _positive(entry.max_delay, default.max_delay, (*path, "max_delay"), report)
    if base > longest:
        report.error((*path, "base_delay"), f"longer than max_delay, {longest:g}s")
    most = entry.max_retries if entry.max_retries is not None else listener_max
    return Retries(
        max_retries=default.max_retries if most is None else most,
        base_delay=base,
        max_delay=longest,
        budget=default.budget if entry.budget is None else entry.budget,
    )


def build_health(entry: HealthEntry | None, report: Report) -> HealthRules:
    """The rules of ejection."""
    default, path = HealthRules(), ("health",)
    entry = entry or HealthEntry()
    times = {
        key: _positive(getattr(entry, key), getattr(default, key), (*path, key), report)
        for key in ("window", "ejection_time", "max_ejection_time")
    }
    if times["ejection_time"] > times["max_ejection_time"]:
        longest = times["max_ejection_time"]
        report.error((*path, "ejection_time"), f"longer than max_ejection_time, {longest:g}s")
    return HealthRules(
        consecutive_failures=entry.consecutive_failures or default.consecutive_failures,
        error_rate=entry.error_rate or default.error_rate,
        min_requests=entry.min_requests or default.min_requests,
        **times,
    )


def build_keepalive(entry: KeepaliveEntry | None, report: Report) -> KeepaliveRules:
    """How streams bridge silence."""
    default = KeepaliveRules()
    if entry is None:
        return default
    interval = default.interval
    if entry.interval is not None:
        interval = read_seconds(entry.interval, ("keepalive", "interval"), report)
    return KeepaliveRules(interval=interval, before_first_event=entry.before_first_event)


def build_background(entry: BackgroundEntry | None) -> BackgroundRules:
    """The bounds of work behind the answer."""
    return BackgroundRules(max_running=entry.max_running) if entry else BackgroundRules()


def fallback_of(
    fallbacks: Sequence[str] | None, on: Sequence[Failure] | None, path: Path, report: Report
) -> Fallback:
    """The fallbacks of a provider's entry or of an alias; whether their names lead anywhere is checked elsewhere."""
    if on is not None and not fallbacks:
        report.warning((*path, "fallback_on"), "has no effect without fallbacks")
    return Fallback(tuple(fallbacks or ()), frozenset(FALLBACK_ON if on is None else on))


def hedge_of(
    entry: HedgeEntry | None, deployments: int, path: Path, report: Report
) -> Hedge | None:
    """The hedge of an alias that has so many deployments; None where there is none."""
    if entry is None:
        return None
    if deployments < 2:
        report.warning(path, "has no effect without another deployment")
        return None
    after = entry.after
    if isinstance(after, str) and (found := _PERCENTILE.fullmatch(after.strip().lower())):
        return Hedge(percentile=int(found[1]), max=entry.max)
    here = (*path, "after")
    if isinstance(after, str) and after.strip().lower().startswith("p"):
        report.error(here, "not a percentile", "p50 to p99, like p95")
        return None
    return Hedge(after=_positive(after, 1.0, here, report), max=entry.max)


def _positive(value: str | float | None, default: float, path: Path, report: Report) -> float:
    if value is None:
        return default
    seconds = read_seconds(value, path, report)
    if seconds is None:
        if not report.failed(path):
            report.error(path, "must be more than 0")
        return default
    return seconds
