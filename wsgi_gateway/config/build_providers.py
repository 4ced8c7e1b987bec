"""The entries of model_providers into Providers: names, kinds, keys, headers and final URLs.

Every breach is reported and the rest goes on. The table that known providers come from is providers.yaml.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from msgspec import Struct, structs

from wsgi_gateway.config.build_resilience import build_timeouts, fallback_of
from wsgi_gateway.config.build_tls import build_tls
from wsgi_gateway.config.checking import Checker
from wsgi_gateway.config.endpoints import BadBaseUrl, BaseUrl, endpoints_of, parse_base_url
from wsgi_gateway.config.model import Api, OnLoss, Provider, Timeouts, Tls
from wsgi_gateway.config.problems import Path, Report, closest, did_you_mean, shown
from wsgi_gateway.config.providers import UNKNOWN, KnownProvider, known_providers
from wsgi_gateway.config.schema import ProviderEntry, TranslationEntry
from wsgi_gateway.config.secret import Secret, SecretHeaders

# RFC 9110 5.1 and 5.5; a key goes into a header, so it obeys the rule for values too.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_KEY = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]+")

_NOT_SETTABLE = frozenset(
    {"connection", "content-length", "content-type", "host", "keep-alive", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)


class Defaults(Struct, frozen=True):
    """What holds for entries that say nothing else."""

    on_loss: OnLoss = "warn"
    timeouts: Timeouts = Timeouts()


class _Identity(Struct, frozen=True):
    """Who an entry is about."""

    provider: str
    model: str
    kind: str
    row: KnownProvider
    follows: bool
    """Whether ``row`` is another provider's, by provider_interface."""


def on_loss_of(translation: TranslationEntry | None, default: OnLoss = "warn") -> OnLoss:
    """What a ``translation`` says, ``default`` if it says nothing."""
    return (translation and translation.on_loss) or default


def build_providers(
    entries: Sequence[ProviderEntry], checker: Checker, report: Report, defaults: Defaults
) -> tuple[Provider, ...]:
    """The providers, in the file's order; an entry that cannot be one is left out, reported."""
    built: list[Provider] = []
    first_with: dict[str, Path] = {}
    default_at: Path | None = None
    for entry in entries:
        path = checker.path_of(entry)
        provider = _Builder(entry, path, report, defaults).build()
        name = provider.name if provider else entry.name or entry.model
        if name in first_with:
            _report_duplicate(entry, path, first_with[name], report)
        first_with.setdefault(name, path)
        if entry.default and default_at is not None:
            where = _where(default_at, report)
            report.error((*path, "default"), f"a second default (the first is {where})", "keep one")
        if entry.default:
            default_at = default_at or path
        if provider:
            built.append(provider)
    if len(entries) == len(built) == 1 and not built[0].wildcard:
        built = [structs.replace(built[0], default=True)]
    return tuple(built)


def _report_duplicate(entry: ProviderEntry, path: Path, first: Path, report: Report) -> None:
    where = _where(first, report)
    if entry.name:
        report.error((*path, "name"), f"{shown(entry.name)} is already the name of {where}")
    else:
        report.error(
            (*path, "model"),
            f"{shown(entry.model)} is already configured by {where}",
            "remove one, or give this one a name",
        )


def _where(path: Path, report: Report) -> str:
    line = report.line_of(path)
    return f"{path[0]}[{path[1]}]" + (f" in line {line}" if line else "")


class _Builder:
    """One entry."""

    def __init__(
        self, entry: ProviderEntry, path: Path, report: Report, defaults: Defaults
    ) -> None:
        self._entry = entry
        self._defaults = defaults
        self._path = path
        self._report = report

    def build(self) -> Provider | None:
        who = self._identity()
        if who is None:
            return None
        entry = self._entry
        base = self._base_url(who)
        access_key = self._access_key()
        passthrough = entry.passthrough_auth or (who.row.passthrough_auth and not access_key)
        self._check_auth(who, base, access_key, passthrough)
        headers = self._headers()
        if entry.http_host and not _HOST.fullmatch(entry.http_host):
            self._error("http_host", "not a host name", "like api.example.com or example.com:8080")
        if base is None:
            return None
        apis = entry.upstream_apis or who.row.upstream_apis
        if who.follows and not entry.upstream_apis:
            apis = who.row.upstream_apis_of_followers or apis
        self._check_apis(who, base, apis)
        return Provider(
            name=entry.name or entry.model,
            provider=who.provider,
            kind=who.kind,
            model=who.model,
            endpoints=endpoints_of(base, who.row, apis, who.model),
            auth={api: who.row.auth_of(api) for api in apis},
            access_key=None if passthrough else access_key,
            passthrough_auth=passthrough,
            headers=headers,
            http_host=entry.http_host,
            tls=self._tls(base),
            on_loss=on_loss_of(entry.translation, self._defaults.on_loss),
            timeouts=build_timeouts(
                entry.timeouts, self._defaults.timeouts, (*self._path, "timeouts"), self._report
            ),
            fallback=fallback_of(entry.fallbacks, entry.fallback_on, self._path, self._report),
            default=entry.default,
        )

    def _error(self, key: str, message: str, suggestion: str | None = None) -> None:
        self._report.error((*self._path, key), message, suggestion)

    def _warning(self, key: str, message: str, suggestion: str | None = None) -> None:
        self._report.warning((*self._path, key), message, suggestion)

    def _identity(self) -> _Identity | None:
        entry, table = self._entry, known_providers()
        provider, _, model = entry.model.partition("/")
        if not provider or not model or entry.model != entry.model.strip():
            makers = [word for word, row in table.items() if row.makes(entry.model)]
            example = f"{makers[0]}/{entry.model}" if makers else "openai/gpt-4o"
            self._error("model", "must be provider/id or provider/*", f"like {shown(example)}")
            return None
        if "*" in model and (model != "*" or entry.default):
            message = "a default must be one model" if model == "*" else "* stands for a whole id"
            self._error("default" if model == "*" else "model", message)
            return None
        row, follows, kind = table.get(provider), False, provider
        interface = entry.provider_interface
        if interface is not None and interface not in table:
            self._error(
                "provider_interface",
                f"{shown(interface)} is not a known provider",
                did_you_mean(interface, table) or "openai suits most servers",
            )
        elif interface is not None and row is not None and interface != provider:
            self._error(
                "provider_interface",
                f"{provider} is a known provider and has its own conventions",
                f"name it otherwise in model, like my_{provider}/{shown(model)}",
            )
        elif interface is not None and row is None:
            row, follows, kind = table[interface], True, interface
        return _Identity(provider, model, kind, row or UNKNOWN, follows)

    def _base_url(self, who: _Identity) -> BaseUrl | None:
        entry, path = self._entry, (*self._path, "base_url")
        if self._report.failed(path):
            return None
        own_url = None if who.follows else who.row.url
        if entry.base_url is None and own_url is None:
            self._missing_base_url(who)
            return None
        try:
            base = parse_base_url(entry.base_url or own_url or "", who.row)
        except BadBaseUrl as bad:
            self._report.error(path, *bad.args)
            return None
        self._warn_of_foreign_host(who, base)
        return base

    def _missing_base_url(self, who: _Identity) -> None:
        if who.row is not UNKNOWN and not who.follows:
            example = "like https://your-resource.openai.azure.com" if who.row.query else None
            self._report.error(self._path, f"{who.provider} needs base_url", example)
            return
        table = known_providers()
        found = closest(who.provider, table)
        known = ", ".join(word for word, row in table.items() if row.url)
        self._report.error(
            self._path,
            f"{shown(who.provider)} is not a known provider, so it needs base_url",
            (f"did you mean {found[0]}? " if found else "") + f"those that do without it: {known}",
        )

    def _warn_of_foreign_host(self, who: _Identity, base: BaseUrl) -> None:
        for word, row in known_providers().items():
            its_host = urlsplit(row.url).hostname if row.url and row.key_required else None
            if its_host == base.host and word not in (who.provider, who.kind):
                self._warning(
                    "base_url",
                    f"this is {row.title}, spoken to with the conventions of {who.kind}",
                    f"write model: {word}/{shown(who.model)} for its own",
                )

    def _access_key(self) -> Secret | None:
        key = self._entry.access_key
        if key is None:
            return None
        stripped = key.reveal().strip()
        if not stripped:
            self._error("access_key", "is empty")
        elif not _KEY.fullmatch(stripped):
            self._error("access_key", "has a space or another character that no header can carry")
        return Secret(stripped)

    def _check_auth(
        self, who: _Identity, base: BaseUrl | None, key: Secret | None, passthrough: bool
    ) -> None:
        if passthrough and key:
            self._warning("access_key", "has no effect beside passthrough_auth")
        if passthrough or key is not None or self._report.failed((*self._path, "access_key")):
            return
        row = who.row
        at_home = base is not None and (row.url is None or urlsplit(row.url).hostname == base.host)
        if row.key_required and at_home and not who.follows:
            variable = row.key_variables[0]
            self._report.error(
                self._path, f"{who.provider} needs access_key", f"access_key: ${variable}"
            )

    def _headers(self) -> SecretHeaders:
        headers = SecretHeaders(self._entry.headers or {})
        for name, value in headers.items():
            path = (*self._path, "headers", name)
            if not _HEADER_NAME.fullmatch(name):
                self._report.error(path, "not a header name")
            elif name.lower() in _NOT_SETTABLE:
                suggestion = "use http_host" if name.lower() == "host" else None
                self._report.error(path, "a header that the gateway sets itself", suggestion)
            if not _HEADER_VALUE.fullmatch(value):
                self._report.error(path, "has a character that no header can carry")
        return headers

    def _tls(self, base: BaseUrl) -> Tls:
        if self._entry.tls is not None and not base.origin.lower().startswith("https:"):
            self._warning("tls", "has no effect: base_url is not https")
        return build_tls(self._entry.tls, (*self._path, "tls"), self._report)

    def _check_apis(self, who: _Identity, base: BaseUrl, apis: Sequence[Api]) -> None:
        for api in dict.fromkeys(api for api in apis if apis.count(api) > 1):
            self._error("upstream_apis", f"{api} is listed twice")
        for api in apis:
            if api not in who.row.apis and not base.path:
                self._warning(
                    "upstream_apis",
                    f"{who.kind} is not known to speak {api}: the path /v1 is a guess",
                    "give base_url with a path",
                )
