"""A config in words and columns, for `wsgi-gateway check` and `models`. Never a key, and no header's value."""

from collections.abc import Iterable, Sequence

from wsgi_gateway.config.model import Config, Provider, StateStorage
from wsgi_gateway.config.names import NameIndex


def describe_config(config: Config) -> str:
    """Where clients connect, what each name leads to, and the final URL of every API of every provider."""
    listener = config.listeners[0]
    timeout = f", timeout {listener.timeout:g} s" if listener.timeout else ""
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    parts = [f"listens on http://{host}:{listener.port}{timeout}", describe_models(config)]
    parts += [_describe_provider(provider) for provider in config.providers]
    parts.append(_describe_storage(config.state_storage))
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
    return _columns(rows)


def _row(name: str, provider: Provider, model: str) -> tuple[str, str, str, str]:
    return name, provider.name, model, ", ".join(provider.endpoints)


def _describe_provider(provider: Provider) -> str:
    title = provider.name if provider.name == provider.id else f"{provider.name} ({provider.id})"
    rows = [("", api, url, _auth(provider, api)) for api, url in provider.endpoints.items()]
    extra = [f"  header {name}: ****" for name in provider.headers]
    if provider.http_host:
        extra.append(f"  header host: {provider.http_host}")
    if provider.on_loss != "warn":
        extra.append(f"  on_loss: {provider.on_loss}")
    return "\n".join([title, _columns(rows), *extra])


def _describe_storage(storage: StateStorage) -> str:
    where = storage.path or ("****" if storage.address else "of each worker")
    days = f"{storage.ttl / 86_400:g} days"
    return f"stored responses: {storage.type} ({where}), for {days}, at most {storage.max_items:,} items"


def _auth(provider: Provider, api: str) -> str:
    if provider.passthrough_auth:
        return "the client's own key"
    if provider.access_key is None:
        return "no key"
    header, scheme = provider.auth[api]
    return f"{header}: {scheme}****"


def _columns(rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
