"""From a file, or a mapping of the same form, to a Config; or to every reason why not.

The steps are in their own modules; their order is here.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from wsgi_gateway.config.build import build_listeners, check_version
from wsgi_gateway.config.build_access import build_access, build_ratelimits
from wsgi_gateway.config.build_aliases import AliasBuilder
from wsgi_gateway.config.build_overload import build_overload
from wsgi_gateway.config.build_providers import Defaults, build_providers, on_loss_of
from wsgi_gateway.config.build_resilience import (
    build_background,
    build_health,
    build_keepalive,
    build_retries,
    build_timeouts,
    timeouts_of,
)
from wsgi_gateway.config.build_state import build_state_storage, check_unknown_ids
from wsgi_gateway.config.build_telemetry import (
    build_access_log,
    build_cost,
    build_metrics,
    build_tracing,
)
from wsgi_gateway.config.checking import Checker
from wsgi_gateway.config.model import Config
from wsgi_gateway.config.positions import read_yaml
from wsgi_gateway.config.problems import ConfigError, Problem, Report
from wsgi_gateway.config.schema import ConfigFile, ProviderEntry
from wsgi_gateway.config.variables import read_dotenv

_MAX_BYTES = 4_000_000
_SMALLEST = (
    "the smallest config: model_providers: [{model: openai/gpt-4o, access_key: $OPENAI_API_KEY}]"
)


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any],
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The config in a file, or given as its content.

    ``environ`` holds the variables, by default the process's own; a file .env beside the config adds those that it
    lacks. Raises ConfigError, which holds every problem of the file, not only the first.
    """
    environ = os.environ if environ is None else environ
    if isinstance(source, Mapping):
        return _resolve(source, Report(), environ, ())
    path = FilePath(source)
    report = Report(str(path))
    text = _read_text(path, report)
    dotenv = Report(str(path.parent / ".env"))
    variables = {**_read_dotenv(path.parent / ".env", dotenv), **environ}
    content = None if text is None else read_yaml(text, report)
    if content is None and not report.errors:
        report.error((), "the file is empty", _SMALLEST)
    if report.errors and not isinstance(content, Mapping):
        raise ConfigError(report.errors)
    return _resolve(content, report, variables, dotenv.warnings)


def _read_text(path: FilePath, report: Report) -> str | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            report.error((), f"larger than {_MAX_BYTES} bytes: not a config")
            return None
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        report.error((), "not UTF-8 text")
    except FileNotFoundError:
        report.error((), "no such file")
    except OSError as error:
        report.error((), f"cannot be read: {error.strerror}")
    except ValueError:
        report.error((), "not a file name")
    return None


def _read_dotenv(path: FilePath, report: Report) -> dict[str, str]:
    try:
        return read_dotenv(path.read_text("utf-8-sig"), report)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return {}
    except UnicodeDecodeError:
        report.warning((), "ignored: not UTF-8 text")
    except OSError as error:
        report.warning((), f"ignored: {error.strerror}")
    except ValueError:
        pass  # The config's own name was refused for the same reason.
    return {}


def _resolve(
    content: object,
    report: Report,
    environ: Mapping[str, str],
    warnings: Sequence[Problem],
) -> Config:
    checker = Checker(report, environ)
    file = checker.read(content, ConfigFile)
    if file is None:
        raise ConfigError(report.errors)
    check_version(file, report)
    listeners, ignored = build_listeners(file, checker, report)
    checker.warn_not_served(ignored)
    entries = _provider_entries(file, report)
    timeouts = build_timeouts(file.timeouts, timeouts_of(listeners[0]), ("timeouts",), report)
    defaults = Defaults(on_loss_of(file.translation), timeouts)
    providers = build_providers(entries, checker, report, defaults)
    names = AliasBuilder(file.model_aliases or {}, entries, providers, report)
    aliases, groups = names.targets(), names.groups()
    _check_fallbacks(entries, names, checker)
    state_storage = build_state_storage(file.state_storage, report)
    access = build_access(file.access, checker, report)
    check_unknown_ids(state_storage, access, report)
    config = Config(
        listeners=listeners,
        providers=providers,
        aliases=aliases,
        groups=groups,
        retries=build_retries(file.retries, listeners[0].max_retries, report),
        health=build_health(file.health, report),
        keepalive=build_keepalive(file.keepalive, report),
        background=build_background(file.background),
        overload=build_overload(file.overload, report),
        state_storage=state_storage,
        access=access,
        ratelimits=build_ratelimits(file.ratelimits or [], providers, aliases, checker, report),
        access_log=build_access_log(file.access_log, report),
        tracing=build_tracing(file.tracing, environ, report),
        metrics=build_metrics(file.metrics, report),
        cost=build_cost(file.cost, report),
        warnings=(*warnings, *report.warnings),
        path=report.file,
    )
    if report.errors:
        raise ConfigError(report.errors)
    return config


def _check_fallbacks(
    entries: Sequence[ProviderEntry], names: AliasBuilder, checker: Checker
) -> None:
    for entry in entries:
        own = (entry.name or entry.model, entry.model)
        names.check_fallbacks(entry.fallbacks, checker.path_of(entry), own)
        if entry.fallbacks:
            names.check_passed_keys([own[0], *entry.fallbacks], checker.path_of(entry))


def _provider_entries(file: ConfigFile, report: Report) -> list[ProviderEntry]:
    if file.model_providers is not None and file.llm_providers is not None:
        report.error(
            ("llm_providers",), "the older name of model_providers, which is also given", "keep one"
        )
    entries = (file.model_providers or []) + (file.llm_providers or [])
    failed = report.failed(("model_providers",)) or report.failed(("llm_providers",))
    if not entries and not failed:
        report.error((), "model_providers is missing: there is nothing to serve", _SMALLEST)
    return entries
