"""``access`` and ``ratelimits``: which keys there are, what they allow, and where it is counted.

A key's own text is never shown. Whether an address may be served without keys is decided where it is known
(access/exposure.py).
"""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Literal

from wsgi_gateway.config.build_state import check_address
from wsgi_gateway.config.checking import Checker
from wsgi_gateway.config.key_file import NO_PRICES, BadKeyFile, has_prices, read_key_file
from wsgi_gateway.config.model import (
    Access,
    Client,
    ClientKey,
    HeaderLimit,
    Limits,
    Provider,
    Rate,
)
from wsgi_gateway.config.names import NameIndex
from wsgi_gateway.config.problems import Path, Report, did_you_mean, shown
from wsgi_gateway.config.rates import BadRate, read_rates
from wsgi_gateway.config.schema import AccessEntry, KeyEntry, LimitStorageEntry, RatelimitEntry
from wsgi_gateway.config.secret import Secret

CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}")
_PATH: Path = ("access",)
_KEY = re.compile(r"[!-~]+")
_SHORTEST_KEY = 16
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def build_access(
    entry: Literal["open"] | AccessEntry | None, checker: Checker, report: Report
) -> Access:
    """Nobody needs a key if nothing is said."""
    if entry is None or entry == "open":
        return Access(is_open=entry == "open")
    keys = _keys(entry.keys or [], checker, report)
    return Access(
        keys=tuple(keys),
        key_file=_key_file(entry.key_file, bool(keys), report) if entry.key_file else None,
        redis=_redis(entry.storage or LimitStorageEntry(), report),
        on_limiter_failure=entry.on_limiter_failure or "open",
    )


def _keys(entries: Sequence[KeyEntry], checker: Checker, report: Report) -> list[ClientKey]:
    built = []
    seen: list[Secret] = []
    for entry in entries:
        path = checker.path_of(entry)
        key = Secret(entry.key.reveal().strip())
        check_key(key, path, report)
        if key in seen:
            report.error((*path, "key"), "the same key as another entry's")
        seen.append(key)
        if not CLIENT_ID.fullmatch(entry.id):
            report.error((*path, "id"), "letters, digits and . _ @ : - only, at most 100")
        limits = Limits(
            requests=_rates(entry, "requests", path, report),
            tokens=_rates(entry, "tokens", path, report),
            budget=_rates(entry, "budget", path, report),
            concurrency=entry.concurrency,
        )
        if limits.budget and not has_prices():
            report.error((*path, "budget"), NO_PRICES)
        client = Client(id=entry.id, models=tuple(entry.models or ("*",)), limits=limits)
        built.append(ClientKey(client=client, key=key))
    return built


def check_key(key: Secret, path: Path, report: Report) -> None:
    """That clients can send the ``key`` of the entry at ``path``, and nobody guesses it."""
    if not _KEY.fullmatch(key.reveal()):
        report.error(
            (*path, "key"), "is empty, or has a space or a character that no header carries"
        )
    elif len(key.reveal()) < _SHORTEST_KEY:
        report.error(
            (*path, "key"),
            f"shorter than {_SHORTEST_KEY} characters: it could be guessed",
            "make one with: wsgi-gateway keys create, or openssl rand -hex 32",
        )


def _rates(entry: KeyEntry, name: str, path: Path, report: Report) -> tuple[Rate, ...]:
    try:
        return read_rates(getattr(entry, name), dollars=name == "budget")
    except BadRate as bad:
        report.error((*path, name), str(bad))
        return ()


def _key_file(given: str, has_keys: bool, report: Report) -> str:
    """The absolute path. Relative ones begin at the config's folder."""
    path = (*_PATH, "key_file")
    folder = FilePath(report.file).parent if report.file else FilePath()
    file = FilePath(given)
    try:
        file = (folder / file.expanduser()).absolute()
        found = read_key_file(file)
        if not found.keys and not has_keys:
            report.warning(path, "there is no key in it: every client is refused")
    except FileNotFoundError:
        report.warning(
            path,
            "no such file yet: its keys are missing",
            "make one with: wsgi-gateway keys create",
        )
    except BadKeyFile as bad:
        report.error(path, str(bad))
    except (RuntimeError, ValueError):
        report.error(path, "not a file name")
    return str(file)


def _redis(entry: LimitStorageEntry, report: Report) -> Secret | None:
    path = (*_PATH, "storage")
    kind = entry.type or ("redis" if entry.url else "memory")
    if kind == "memory":
        if entry.url:
            report.warning((*path, "url"), "ignored: it is for redis, and the type is memory")
        return None
    if not entry.url:
        report.error(path, "url is missing: redis needs it")
        return None
    missing = [name for name in ("redis", "limits") if importlib.util.find_spec(name) is None]
    if missing:
        report.error(
            (*path, "type"),
            f"the Python package {missing[0]} is not installed",
            "pip install 'wsgi-gateway[redis]'",
        )
    check_address("redis", entry.url, (*path, "url"), report)
    return entry.url


def build_ratelimits(
    entries: Sequence[RatelimitEntry],
    providers: Sequence[Provider],
    aliases: Mapping[str, str],
    checker: Checker,
    report: Report,
) -> tuple[HeaderLimit, ...]:
    """Plano's limits, the first where two are for the same requests."""
    built: dict[tuple[str, str, str | None], HeaderLimit] = {}
    index = NameIndex(providers)
    for entry in entries:
        path = checker.path_of(entry)
        header, value = entry.selector.key.lower(), entry.selector.value
        if not _HEADER_NAME.fullmatch(header):
            report.error((*path, "selector", "key"), "not a header name")
        if providers and not index.find(aliases.get(entry.model, entry.model)):
            report.warning(
                (*path, "model"),
                f"no model provider answers to {shown(entry.model)}: nothing is limited",
                did_you_mean(entry.model, [*aliases, *index.known()]),
            )
        same = (entry.model, header, value)
        if same in built:
            report.warning(path, "ignored: another entry is for the same model and selector")
            continue
        tokens = Rate(entry.limit.tokens, _UNITS[entry.limit.unit])
        built[same] = HeaderLimit(model=entry.model, header=header, value=value, tokens=tokens)
    return tuple(built.values())
