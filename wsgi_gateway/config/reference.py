"""The reference tables of docs/configuration.md, made from the schema and the table of providers.

What those two files say is true by construction; the prose around the tables is written by hand.
"""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from wsgi_gateway.config.checking import describe
from wsgi_gateway.config.key_types import NOT_SERVED
from wsgi_gateway.config.model import APIS
from wsgi_gateway.config.overload_schema import OverloadEntry
from wsgi_gateway.config.providers import known_providers
from wsgi_gateway.config.resilience_schema import (
    BackgroundEntry,
    DeploymentEntry,
    HealthEntry,
    HedgeEntry,
    KeepaliveEntry,
    RetriesEntry,
    TimeoutsEntry,
)
from wsgi_gateway.config.schema import (
    WITHOUT,
    AccessEntry,
    AliasEntry,
    ConfigFile,
    KeyEntry,
    LegacyListener,
    LegacyListeners,
    LimitStorageEntry,
    ListenerEntry,
    ProviderEntry,
    RatelimitEntry,
    SelectorEntry,
    StateStorageEntry,
    TokenLimitEntry,
    TranslationEntry,
)
from wsgi_gateway.config.telemetry_schema import AccessLogEntry, MetricsEntry, TracingEntry
from wsgi_gateway.config.tls_schema import TlsEntry

_SECTIONS: dict[str, type[Struct]] = {
    "The file": ConfigFile,
    "`listeners[]`": ListenerEntry,
    "`listeners` in its older form": LegacyListeners,
    "`listeners.egress_traffic`": LegacyListener,
    "`model_providers[]`": ProviderEntry,
    "`model_providers[].tls`": TlsEntry,
    "`translation`, here and in `model_providers[]`": TranslationEntry,
    "`model_aliases.<name>`": AliasEntry,
    "`model_aliases.<name>.deployments[]`": DeploymentEntry,
    "`model_aliases.<name>.hedge`": HedgeEntry,
    "`timeouts`, here and in `model_providers[]`": TimeoutsEntry,
    "`retries`": RetriesEntry,
    "`health`": HealthEntry,
    "`keepalive`": KeepaliveEntry,
    "`background`": BackgroundEntry,
    "`overload`": OverloadEntry,
    "`state_storage`": StateStorageEntry,
    "`access`": AccessEntry,
    "`access.keys[]`": KeyEntry,
    "`access.storage`": LimitStorageEntry,
    "`ratelimits[]`": RatelimitEntry,
    "`ratelimits[].selector`": SelectorEntry,
    "`ratelimits[].limit`": TokenLimitEntry,
    "`access_log`": AccessLogEntry,
    "`tracing`": TracingEntry,
    "`metrics`": MetricsEntry,
}


def key_tables() -> str:
    """Markdown: a table for each part of the file, and one of the keys that are accepted without effect."""
    parts = []
    for title, kind in _SECTIONS.items():
        parts.append(f"### {title}\n\n" + _table(("Key", "Is", "Default", "For"), _keys(kind)))
    rows = [(f"`{key}`", f"{effect}") for key, effect in WITHOUT.items()]
    parts.append("### Accepted without effect\n\n" + _table(("Key", "So"), rows))
    return "\n\n".join(parts)


def provider_table() -> str:
    """Markdown: the known providers, with the path of each API that they speak."""
    rows = []
    for word, row in known_providers().items():
        paths = [
            f"`{row.apis[api] or '/'}`" + ("*" if api in row.upstream_apis else "")
            if api in row.apis
            else ""
            for api in APIS
        ]
        needs_key = " (optional)" if row.key_variables and not row.key_required else ""
        keys = ", ".join(f"`{name}`" for name in row.key_variables) + needs_key
        url = f"`{row.url}`" if row.url else "*needs base_url*"
        rows.append((f"`{word}`", f"[{row.title}]({row.docs})", url, *paths, keys))
    header = ("Provider", "Is", "URL", "Chat Completions", "Messages", "Responses", "Key variable")
    return _table(header, rows)


def _keys(kind: type[Struct]) -> Iterator[tuple[str, str, str, str]]:
    hints = get_type_hints(kind, include_extras=True)
    for field in msgspec.structs.fields(kind):
        metas = list(_metas(hints[field.name]))
        if any(meta.extra and meta.extra.get(NOT_SERVED) for meta in metas):
            continue
        description = next((meta.description for meta in metas if meta.description), "")
        yield f"`{field.name}`", describe(hints[field.name]), _default(field), description


def _default(field: Any) -> str:
    if field.required:
        return "required"
    if field.default is None or field.default is msgspec.NODEFAULT:
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _metas(hint: Any) -> Iterator[Meta]:
    """The Metas of an annotation, the outermost first."""
    if get_origin(hint) is Annotated:
        base, *metas = get_args(hint)
        yield from reversed(metas)
        yield from _metas(base)
    elif get_origin(hint) in (Union, types.UnionType):
        for alternative in get_args(hint):
            yield from _metas(alternative)


def _table(header: tuple[str, ...], rows: Any) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )
