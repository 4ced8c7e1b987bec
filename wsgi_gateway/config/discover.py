"""Without a config file: the providers whose keys or addresses the environment holds, by the table.

Each becomes a wildcard, so that clients name the model; there is no default, for no model is anybody's usual one.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from wsgi_gateway.config.loader import load_config
from wsgi_gateway.config.model import Config
from wsgi_gateway.config.problems import ConfigError, Problem
from wsgi_gateway.config.providers import KnownProvider, known_providers


def discover_config(environ: Mapping[str, str]) -> Config:
    """A wildcard provider for each row of the table that ``environ`` says enough about; ConfigError if for none."""
    entries = [
        entry
        for word, row in known_providers().items()
        if (entry := _entry(word, row, environ)) is not None
    ]
    if not entries:
        raise ConfigError([_nothing_found()])
    return load_config({"model_providers": entries}, environ)


def _entry(word: str, row: KnownProvider, environ: Mapping[str, str]) -> dict[str, Any] | None:
    key = next((name for name in row.key_variables if environ.get(name, "").strip()), None)
    address = environ.get(row.url_variable, "").strip() if row.url_variable else ""
    found = bool(address) if not row.key_required else key is not None and bool(row.url or address)
    if not found:
        return None
    entry = {"model": f"{word}/*"}
    if key is not None:
        entry["access_key"] = f"${key}"
    if address:
        entry["base_url"] = _server_url(address, row.url or "").replace("$", "$$")
    return entry


def _server_url(address: str, usual: str) -> str:
    """``address`` completed from the usual URL: OLLAMA_HOST may be ``0.0.0.0``, ``:1``, ``host:1/`` or ``::1``."""
    if "://" in address:
        return address
    usual_url = urlsplit(usual)
    place, slash, path = address.partition("/")
    host, colon, port = place.rpartition(":")
    if not colon or not port.isdigit() or _is_ipv6(place):
        host, port = place, str(usual_url.port or "")
    if _is_ipv6(host):
        host = f"[{host}]"
    # What a server listens on when it listens everywhere is no place to connect to.
    host = "127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host  # nosec B104
    return f"{usual_url.scheme or 'https'}://{host}" + (f":{port}" if port else "") + slash + path


def _is_ipv6(host: str) -> bool:
    """Without brackets, so that no port can follow."""
    return host.count(":") > 1 and not host.startswith("[")


def _nothing_found() -> Problem:
    table = known_providers().values()
    keys = [row.key_variables[0] for row in table if row.key_required and row.url]
    servers = [row.url_variable for row in table if row.url_variable and not row.key_required]
    return Problem(
        path="",
        message="no config file, and no provider's key in the environment",
        suggestion=f"give --config FILE, or set one of: {', '.join([*keys, *filter(None, servers)])}",
    )
