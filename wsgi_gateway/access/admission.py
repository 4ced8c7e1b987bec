"""Before a request is answered: whose is it, may they ask for this model, and is there room in their limits.

Here: the decisions, and the errors that tell them. Not here: where keys are looked up (key_table.py), how windows
are counted (windows.py and beside it), and what follows an admission (permit.py).
"""

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock

from wsgi_gateway.access.caller import Caller, names_of
from wsgi_gateway.access.credentials import keys_in
from wsgi_gateway.access.header_limits import HeaderLimits
from wsgi_gateway.access.key_table import KeyTable
from wsgi_gateway.access.limit_headers import limit_headers, retry_after
from wsgi_gateway.access.memory_counters import MemoryCounters
from wsgi_gateway.access.permit import Permit
from wsgi_gateway.access.windows import Counters, CountersDown, Full, Gauge
from wsgi_gateway.config import Config, Provider, Secret
from wsgi_gateway.config.problems import shown
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage

_NO_KEY = "no API key was sent: it belongs into authorization (Bearer), x-api-key or x-gateway-key"


class Admission:
    """What one config says of its clients. Shared by all requests of a process.

    What clients have used of their limits under the config ``before`` still counts.
    """

    def __init__(self, config: Config, before: "Admission | None" = None) -> None:
        access = config.access
        table = before._table if before else None
        self._table: KeyTable | None = KeyTable(access, table) if access.needs_key else None
        self._header_limits = HeaderLimits(config.ratelimits) if config.ratelimits else None
        self._redis = access.redis
        is_same = before is not None and before._redis == access.redis
        self._counters: Counters = (
            before._counters if before and is_same else _counters(access.redis)
        )
        self._fails_open = access.on_limiter_failure == "open"
        self._in_flight: dict[str, int] = before._in_flight if before else {}
        self._lock: Lock = before._lock if before else Lock()

    def identify(self, headers: Mapping[str, str]) -> Caller | None:
        """Whose request it is; None where nobody needs a key. ``headers`` are by names in lower case.

        Raises ApiError (authentication).
        """
        if self._table is None:
            return None
        message = _NO_KEY
        for _, key in keys_in(headers):
            caller = self._table.find(key)
            if caller is not None:
                return caller
            message = "this API key is not known"
        raise ApiError("authentication", message)

    def tenant_of(self, headers: Mapping[str, str]) -> str | None:
        """Whose state it is: the client's, whichever of its keys it sent. None where nobody needs a key.

        Raises ApiError (authentication).
        """
        caller = self.identify(headers)
        # No hash of a key looks like this.
        return None if caller is None else f"client {caller.id}"

    def without_keys(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """What may be passed on to a provider that wants its clients' own keys: those of this gateway are not."""
        if self._table is None:
            return headers
        ours = {name for name, key in keys_in(headers) if self._table.find(key) is not None}
        return {name: value for name, value in headers.items() if name not in ours}

    def may_use(
        self, caller: Caller | None, asked: str | None, provider: Provider, model: str
    ) -> bool:
        """Whether the caller may use a model, which any of its names may allow."""
        return caller is None or caller.may_use(asked, provider, model)

    def admit(
        self,
        caller: Caller | None,
        api: str,
        headers: Mapping[str, str],
        asked: str | None,
        provider: Provider,
        model: str,
    ) -> Permit | None:
        """Let one request for a model in; None where nothing is to be counted.

        ``headers`` are the request's, ``asked`` what it calls the model. Raises ApiError (permission, rate_limit,
        quota, overloaded).
        """
        if not self.may_use(caller, asked, provider, model):
            told = f"this API key may not use the model {shown(asked or model)}"
            raise ApiError("permission", told, param="model")
        gauges, charged = (caller.gauges, caller.charged) if caller is not None else ((), ())
        if self._header_limits is not None:
            more = self._header_limits.gauges(names_of(asked, provider, model), headers)
            gauges, charged = gauges + more, charged + more
        release = self._enter(caller) if caller is not None else None
        if not gauges:
            return Permit({}, None, release) if release is not None else None
        try:
            counted = self._count(api, gauges)
        except BaseException:
            if release is not None:
                release()
            raise
        if counted is None:
            return Permit({}, None, release)
        return Permit(counted, partial(self._charge, charged) if charged else None, release)

    def _enter(self, caller: Caller) -> Callable[[], None] | None:
        """One more request of the caller's is under way; what to call at its end. Raises ApiError (rate_limit)."""
        limit = caller.concurrency
        if limit is None:
            return None
        with self._lock:
            under_way = self._in_flight.get(caller.id, 0)
            if under_way >= limit:
                raise _too_many_at_once(limit)
            self._in_flight[caller.id] = under_way + 1
        return partial(self._leave, caller.id)

    def _leave(self, client_id: str) -> None:
        with self._lock:
            left = self._in_flight[client_id] - 1
            if left:
                self._in_flight[client_id] = left
            else:
                del self._in_flight[client_id]

    def _count(self, api: str, gauges: tuple[Gauge, ...]) -> dict[str, str] | None:
        """What the client is told of its limits; None if nobody knows. Raises ApiError if one of them is reached."""
        try:
            levels, full = self._counters.admit(gauges)
        except CountersDown:
            if self._fails_open:
                return None
            raise ApiError(
                "overloaded",
                "the gateway cannot count requests at the moment: try again",
                code="limits_unavailable",
                headers=retry_after(1),
            ) from None
        told = limit_headers(api, gauges, levels)
        if full is not None:
            raise _limit_reached(full, told)
        return told

    def _charge(self, gauges: tuple[Gauge, ...], kind: str, model: str, usage: Usage) -> None:
        amounts = {gauge: usage.input + usage.output for gauge in gauges if gauge.unit == "tokens"}
        budgets = [gauge for gauge in gauges if gauge.unit == "budget"]
        if budgets:
            from wsgi_gateway.access.prices import cost

            amounts |= dict.fromkeys(budgets, cost(kind, model, usage))
        try:
            self._counters.add({gauge: amount for gauge, amount in amounts.items() if amount > 0})
        except CountersDown:
            # Nothing was limited either, or everything was: on_limiter_failure decides for those that follow.
            return


def open_admission(config: Config, before: Admission | None = None) -> Admission | None:
    """None where everybody may do everything, so that it costs nothing."""
    return Admission(config, before) if config.access.needs_key or config.ratelimits else None


def _counters(redis: Secret | None) -> Counters:
    if redis is None:
        return MemoryCounters()
    from wsgi_gateway.access.redis_counters import RedisCounters

    return RedisCounters(redis)


def _too_many_at_once(limit: int) -> ApiError:
    error = ApiError(
        "rate_limit",
        f"this API key has {limit} request{'s' if limit > 1 else ''} under way, which is its limit",
        headers=retry_after(1),
    )
    error.limit = "concurrency"
    return error


def _limit_reached(full: Full, told: dict[str, str]) -> ApiError:
    gauge = full.gauge
    headers = {**told, **retry_after(full.wait)}
    wait = f"try again in {headers['retry-after']} seconds"
    if gauge.unit == "budget":
        message = f"the budget of this API key is used up: {wait}"
        error = ApiError("quota", message, headers=headers)
    else:
        limit = f"{gauge.rate.amount} {gauge.unit} in {gauge.rate.seconds} seconds"
        error = ApiError("rate_limit", f"the limit of {limit} is reached: {wait}", headers=headers)
    error.limit = gauge.unit
    return error
