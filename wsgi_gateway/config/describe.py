"""A config in words and columns, for `wsgi-gateway check` and `models`. Never a key, and no header's value."""

from collections.abc import Iterable, Sequence

from wsgi_gateway.config.model import (
    Access,
    AccessLog,
    Client,
    Config,
    Fallback,
    Group,
    HeaderLimit,
    Hedge,
    Provider,
    StateStorage,
    Timeouts,
    Tls,
    Tracing,
)
from wsgi_gateway.config.names import NameIndex
from wsgi_gateway.config.rates import written


def describe_config(config: Config) -> str:
    """Where clients connect, what each name leads to, and the final URL of every API of every provider."""
    listener = config.listeners[0]
    timeout = f", timeout {listener.timeout:g} s" if listener.timeout else ""
    host = listener.address.strip("[]")
    host = f"[{host}]" if ":" in host else host
    parts = [f"listens on http://{host}:{listener.port}{timeout}", describe_models(config)]
    parts += [_describe_group(alias, group) for alias, group in config.groups.items()]
    needs_key = config.access.needs_key
    parts += [_describe_provider(provider, needs_key) for provider in config.providers]
    parts.append(_describe_storage(config.state_storage, asks_unknown=config.asks_unknown))
    parts.append(_describe_access(config.access))
    parts += [_describe_header_limit(limit) for limit in config.ratelimits]
    parts += _describe_telemetry(config.access_log, config.tracing)
    return "\n\n".join(parts)


def describe_models(config: Config) -> str:
    """A table of every name that clients may use as model."""
    index = NameIndex(config.providers)
    rows = [("MODEL", "PROVIDER", "UPSTREAM MODEL", "UPSTREAM APIS")]
    for alias, target in config.aliases.items():
        if found := index.find(target):
            rows.append(_row(f"{alias} (alias)", *found))
    for provider in config.providers:
        name = provider.name + (" (default)" if provider.default else "")
        rows.append(_row(name, provider, "as requested" if provider.wildcard else provider.model))
    return columns(rows)


def _row(name: str, provider: Provider, model: str) -> tuple[str, str, str, str]:
    return name, provider.name, model, ", ".join(provider.endpoints)


def _describe_provider(provider: Provider, needs_key: bool) -> str:
    title = provider.name if provider.name == provider.id else f"{provider.name} ({provider.id})"
    rows = [("", api, url, _auth(provider, api)) for api, url in provider.endpoints.items()]
    extra = [f"  header {name}: ****" for name in provider.headers]
    if provider.http_host:
        extra.append(f"  header host: {provider.http_host}")
    if provider.tls != Tls():
        extra.append(_describe_tls(provider.tls))
    if provider.passthrough_auth and needs_key:
        extra.append(
            "  a client's key of the gateway cannot come in the same header: send it in x-gateway-key"
        )
    if provider.on_loss != "warn":
        extra.append(f"  on_loss: {provider.on_loss}")
    extra += _describe_fallback(provider.fallback)
    if provider.timeouts != Timeouts():
        extra.append(_describe_timeouts(provider.timeouts))
    return "\n".join([title, columns(rows), *extra])


def _describe_group(alias: str, group: Group) -> str:
    rows = [
        ("", target.name, f"weight {target.weight}", f"priority {target.priority}")
        for target in group.targets
    ]
    title = f"{alias}: {group.balance} of" if len(rows) > 1 else f"{alias}:"
    hedge = [_describe_hedge(group.hedge)] if group.hedge else []
    return "\n".join([title, columns(rows), *hedge, *_describe_fallback(group.fallback)])


def _describe_hedge(hedge: Hedge) -> str:
    late = f"{hedge.after:g} s" if hedge.after is not None else f"p{hedge.percentile}"
    return f"  without an answer after {late}: asked elsewhere too, at most {hedge.max} more"


def _describe_fallback(fallback: Fallback) -> list[str]:
    if not fallback.models:
        return []
    return [f"  else {', '.join(fallback.models)}: on {', '.join(sorted(fallback.on))}"]


def _describe_tls(tls: Tls) -> str:
    told = {
        "authorities": tls.ca_file,
        "own certificate": tls.cert_file,
        "server name": tls.server_name,
    }
    return "  tls: " + ", ".join(f"{what} {value}" for what, value in told.items() if value)


def _describe_timeouts(timeouts: Timeouts) -> str:
    names = ("connect", "first_event", "idle", "total", "plain")
    told = [
        f"{name} {seconds:g} s"
        for name in names
        if (seconds := getattr(timeouts, name)) is not None
    ]
    return f"  timeouts: {', '.join(told) or 'none'}"


def _describe_storage(storage: StateStorage, *, asks_unknown: bool) -> str:
    where = storage.path or ("****" if storage.address else "of each worker")
    days = f"{storage.ttl / 86_400:g} days"
    return (
        f"stored responses: {storage.type} ({where}), for {days}, at most {storage.max_items:,} items; "
        f"unknown ids: {'ask' if asks_unknown else 'refuse'}"
    )


def _describe_access(access: Access) -> str:
    if not access.needs_key:
        where = "anywhere" if access.is_open else "loopback addresses only, unless told otherwise"
        return f"clients need no key: {where}"
    lines = [
        "clients need a key" + (f"; more of them in {access.key_file}" if access.key_file else "")
    ]
    lines += [
        f"  {configured.client.id}: {_allowed(configured.client)}" for configured in access.keys
    ]
    if access.redis:
        lines.append(f"  counted in redis (****); while it is away, {access.on_limiter_failure}")
    return "\n".join(lines)


def _allowed(client: Client) -> str:
    limits = client.limits
    words = [", ".join(client.models)]
    words += [f"{written(rate)} requests" for rate in limits.requests]
    words += [f"{written(rate)} tokens" for rate in limits.tokens]
    words += [f"${written(rate, dollars=True)}" for rate in limits.budget]
    if limits.concurrency:
        words.append(f"{limits.concurrency} at a time")
    return "; ".join(words)


def _describe_header_limit(limit: HeaderLimit) -> str:
    value = "****" if limit.value is not None else "each value"
    return f"{limit.model} with header {limit.header} ({value}): {written(limit.tokens)} tokens"


def _describe_telemetry(log: AccessLog | None, tracing: Tracing | None) -> list[str]:
    told = []
    if log:
        bodies = f", with {log.max_body:,} bytes of each body" if log.max_body else ""
        told.append(f"access log: {log.path or 'standard output'}{bodies}")
    if tracing:
        where = tracing.endpoint or "where OTEL_EXPORTER_OTLP_ENDPOINT says"
        ratio = tracing.sampling_ratio
        share = ", {:g} % of the requests whose clients do not decide it"
        told.append(f"traces: {where}" + ("" if ratio is None else share.format(100 * ratio)))
    return told


def _auth(provider: Provider, api: str) -> str:
    if provider.passthrough_auth:
        return "the client's own key"
    if provider.access_key is None:
        return "no key"
    header, scheme = provider.auth[api]
    return f"{header}: {scheme}****"


def columns(rows: Iterable[Sequence[str]]) -> str:
    """A table, each column as wide as its widest cell."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
