"""A checked file into the Config: the rules between keys, and the defaults that depend on other keys.

Every breach is reported and the rest goes on; what is returned after an error is not for serving.
"""

import re
from collections.abc import Sequence

from wsgi_gateway.config.checking import Checker
from wsgi_gateway.config.model import Listener
from wsgi_gateway.config.problems import Path, Report, shown
from wsgi_gateway.config.schema import (
    VERSIONS,
    ConfigFile,
    LegacyListener,
    LegacyListeners,
    ListenerEntry,
)

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, None: 1.0}


def check_version(file: ConfigFile, report: Report) -> None:
    """The file's version is one of Plano's; it changes nothing else."""
    if file.version is None:
        return
    version = str(file.version).strip()
    if version.lower().removeprefix("v") not in VERSIONS:
        report.error(
            ("version",), f"{shown(version)} is not known", "write v0.4.0, or leave it out"
        )


def build_listeners(
    file: ConfigFile, checker: Checker, report: Report
) -> tuple[tuple[Listener, ...], list[Path]]:
    """The model listeners, the first one to be served, and the paths of those that are ignored."""
    entries, ignored = _listener_entries(file, checker)
    for path in ignored:
        report.warning(path, "ignored: only model listeners are served")
    if not entries:
        if ignored:
            report.warning(
                ("listeners",), "no model listener: clients are served on 127.0.0.1:12000"
            )
        return (Listener(),), ignored
    for entry in entries[1:]:
        path = checker.path_of(entry)
        report.warning(path, "ignored: one model listener is served, the first")
        ignored.append(path)
    return tuple(_listener(entry, checker, report) for entry in entries), ignored


def _listener_entries(
    file: ConfigFile, checker: Checker
) -> tuple[Sequence[ListenerEntry | LegacyListener], list[Path]]:
    listeners = file.listeners or []
    if isinstance(listeners, LegacyListeners):
        ingress, egress = listeners.ingress_traffic, listeners.egress_traffic
        return ([egress] if egress else []), ([checker.path_of(ingress)] if ingress else [])
    models = [entry for entry in listeners if entry.type == "model"]
    return models, [checker.path_of(entry) for entry in listeners if entry.type != "model"]


def _listener(entry: ListenerEntry | LegacyListener, checker: Checker, report: Report) -> Listener:
    path = (*checker.path_of(entry), "timeout")
    timeout = read_seconds(entry.timeout, path, report)
    unlimited = timeout is None and entry.timeout is not None
    if isinstance(entry, LegacyListener):
        return Listener(
            name="egress_traffic",
            address=entry.address,
            port=entry.port,
            timeout=timeout,
            is_unlimited=unlimited,
        )
    return Listener(
        name=entry.name,
        address=entry.address,
        port=entry.port,
        timeout=timeout,
        is_unlimited=unlimited,
        max_retries=entry.max_retries,
    )


def read_seconds(value: str | float | None, path: Path, report: Report) -> float | None:
    """Seconds; None for no limit."""
    if value is None:
        return None
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        report.error(path, "not a duration", "seconds, or 500ms, 30s, 5m, 1h, 30d")
        return None
    return float(match[1]) * _SECONDS[match[2]] or None
