"""``model_aliases``, and what names lead on to: deployments and fallbacks. Each name has to lead somewhere.

Every breach is reported and the rest goes on. What a name means is in names.py.
"""

from collections.abc import Mapping, Sequence

from wsgi_gateway.config.build_resilience import fallback_of, hedge_of
from wsgi_gateway.config.model import Group, Provider, Target
from wsgi_gateway.config.names import NameIndex
from wsgi_gateway.config.problems import Path, Report, did_you_mean, shown
from wsgi_gateway.config.schema import AliasEntry, ProviderEntry


class AliasBuilder:
    """The aliases of one file."""

    def __init__(
        self,
        aliases: Mapping[str, AliasEntry],
        entries: Sequence[ProviderEntry],
        providers: Sequence[Provider],
        report: Report,
    ) -> None:
        self._aliases = aliases
        self._has_entries = bool(entries)
        self._index = NameIndex(providers)
        built = {provider.name for provider in providers}
        self._unbuilt = [entry for entry in entries if (entry.name or entry.model) not in built]
        self._report = report

    def targets(self) -> dict[str, str]:
        """Alias -> target, the first of its deployments'. Each is a name that a provider answers to."""
        found = {}
        for alias, entry in self._aliases.items():
            if targets := self._targets(alias, entry):
                found[alias] = targets[0].name
        return found

    def groups(self) -> dict[str, Group]:
        """The aliases that say more than one target."""
        groups = {}
        for alias, entry in self._aliases.items():
            path = ("model_aliases", alias)
            targets = [target.name for target in _targets_of(entry)]
            self.check_fallbacks(entry.fallbacks, path, (alias,))
            self.check_passed_keys([*targets, *(entry.fallbacks or [])], path)
            fallback = fallback_of(entry.fallbacks, entry.fallback_on, path, self._report)
            hedge = hedge_of(entry.hedge, len(targets), (*path, "hedge"), self._report)
            if entry.deployments or entry.fallbacks:
                groups[alias] = Group(
                    targets=_targets_of(entry),
                    balance=entry.balance,
                    hedge=hedge,
                    fallback=fallback,
                )
        return groups

    def check_fallbacks(
        self, fallbacks: Sequence[str] | None, path: Path, own_names: Sequence[str]
    ) -> None:
        """Report fallbacks that lead nowhere, or back."""
        for at, name in enumerate(fallbacks or []):
            here = (*path, "fallbacks", at)
            if name in own_names:
                self._report.error(here, f"{shown(name)} cannot stand in for itself")
            elif name not in self._aliases and not self._is_known(name):
                self._report_unknown(name, here, self._aliases)

    def check_passed_keys(self, names: Sequence[str], path: Path) -> None:
        """Report where a client's own key, meant for one provider, would go to another."""
        takers: dict[str, None] = {}
        for name in names:
            entry = self._aliases.get(name)
            for target in _targets_of(entry) if entry else [Target(name)]:
                found = self._index.find(target.name)
                if found and found[0].passthrough_auth:
                    takers[found[0].provider] = None
        if len(takers) > 1:
            self._report.error(
                path,
                f"a client's own key would go to {' and '.join(takers)}",
                "passthrough_auth is for deployments of one provider",
            )

    def _targets(self, alias: str, entry: AliasEntry) -> tuple[Target, ...]:
        """Checked."""
        path = ("model_aliases", alias)
        if (entry.target is None) == (entry.deployments is None):
            if not self._report.failed(path):
                message = "needs target or deployments" if entry.target is None else "has both"
                self._report.error(path, message, "write target: NAME for one model")
            return ()
        for at, target in enumerate(_targets_of(entry)):
            here: Path = (*path, "deployments", at) if entry.deployments else path
            self._check_target(target.name, (*here, "target"))
        return _targets_of(entry)

    def _check_target(self, target: str, path: Path) -> None:
        if self._is_known(target):
            return
        beyond = self._aliases.get(target)
        if beyond is not None:
            self._report.error(
                path,
                f"{shown(target)} is itself an alias, and aliases are followed once",
                f"write its target, {shown(_targets_of(beyond)[0].name)}"
                if _targets_of(beyond)
                else None,
            )
            return
        self._report_unknown(target, path, ())

    def _is_known(self, name: str) -> bool:
        """Whether a provider answers to it, or would if it were right."""
        return (
            self._index.find(name) is not None
            or not self._has_entries
            or any(_names(other, name) for other in self._unbuilt)
        )

    def _report_unknown(
        self, name: str, path: Path, more: Sequence[str] | Mapping[str, object]
    ) -> None:
        wildcards = [f"{prefix}/…" for prefix in self._index.prefixes()]
        self._report.error(
            path,
            f"no model provider answers to {shown(name)}",
            did_you_mean(name, [*more, *self._index.known(), *wildcards]),
        )


def _targets_of(entry: AliasEntry) -> tuple[Target, ...]:
    if entry.deployments:
        return tuple(Target(each.target, each.weight, each.priority) for each in entry.deployments)
    return (Target(entry.target),) if entry.target else ()


def _names(entry: ProviderEntry, target: str) -> bool:
    """Whether an entry that could not be built would have answered to ``target``."""
    _, _, model = entry.model.partition("/")
    return model == "*" or target in (entry.name, entry.model, model)
