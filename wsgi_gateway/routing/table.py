"""From the model that a request names to the provider that answers, and the models that clients can list.

The order is: alias (followed once), then what config.names finds. Its names are those of one config and do not change;
the pools behind them keep count.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from wsgi_gateway.config import Config, Provider
from wsgi_gateway.config.model import Fallback, Group, Target
from wsgi_gateway.config.names import NameIndex
from wsgi_gateway.config.problems import closest, shown
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.routing.budget import RetryBudget
from wsgi_gateway.routing.deployment import Deployment
from wsgi_gateway.routing.pool import Member, Pool

Deployments = Mapping[tuple[str, str], Deployment]


class Route(Struct, frozen=True):
    """Who is asked, and for what: where there are several, the first of them."""

    provider: Provider
    model: str
    """The bare id for the upstream."""
    pool: Pool
    """All who can be asked."""


class ModelEntry(Struct, frozen=True):
    """One line of a model listing."""

    id: str
    owned_by: str


class ModelTable:
    """The names of one config. What is known of a deployment that the config ``before`` had too stays known."""

    def __init__(self, config: Config, before: "ModelTable | None" = None) -> None:
        self._aliases = config.aliases
        self._index = NameIndex(config.providers)
        self._default = next((each for each in config.providers if each.default), None)
        self._entries = self._list(config.providers)
        pools = _Pools(config, self._index, before.deployments if before else {})
        self.deployments: Deployments = pools.deployments
        """By their providers' names and their models."""
        self._groups = {alias: pools.of_group(group) for alias, group in config.groups.items()}
        self._pools = {each.name: pools.of_provider(each) for each in config.providers}

    def resolve(self, name: str | None) -> Route:
        """The route for a request's ``model``; None or "" is the default.

        Raises ApiError: ``model_not_found`` naming the closest known names, or ``invalid_request`` if no model is
        named and there is no default.
        """
        if not name:
            if self._default is None:
                raise ApiError(
                    "invalid_request",
                    "model: the request names none, and no default is configured",
                    param="model",
                )
            return Route(self._default, self._default.model, self._pools[self._default.name])
        found = self._index.find(self._aliases.get(name, name))
        if found is None:
            raise ApiError("model_not_found", self._unknown(name), param="model")
        provider, model = found
        pool = self._groups.get(name) or self._pools[provider.name]
        return Route(provider, model, pool)

    def entries(self) -> list[ModelEntry]:
        """The aliases, then the models in the config's order. What a wildcard would answer to is not listed."""
        return list(self._entries)

    def _list(self, providers: tuple[Provider, ...]) -> list[ModelEntry]:
        owners: dict[str, str] = {}
        for alias, target in self._aliases.items():
            if found := self._index.find(target):
                owners[alias] = found[0].provider
        for provider in providers:
            if not provider.wildcard:
                owners.setdefault(provider.name, provider.provider)
        return [ModelEntry(name, owner) for name, owner in owners.items()]

    def _unknown(self, name: str) -> str:
        message = f"the model {shown(name)!r} does not exist"
        if found := closest(name, [*self._aliases, *self._index.known()]):
            return f"{message}; the closest are: {', '.join(found)}"
        if prefixes := self._index.prefixes():
            return f"{message}; any id is accepted as {', '.join(f'{p}/…' for p in prefixes)}"
        return message


class _Pools:
    """Makes the pools of a config. Those that have a deployment in common know the same of it."""

    def __init__(self, config: Config, index: NameIndex, known: Deployments) -> None:
        self._config = config
        self._index = index
        self._known = known
        self.deployments: dict[tuple[str, str], Deployment] = {}

    def of_group(self, group: Group) -> Pool:
        """An alias's."""
        return Pool(
            self._members(group.targets),
            self._budget(),
            group.balance,
            self._fallbacks(group.fallback),
            group.fallback.on,
            group.hedge,
        )

    def of_provider(self, provider: Provider) -> Pool:
        """That of an entry of model_providers, for whatever name of its."""
        return Pool(
            [Member(self._deployment(provider, provider.model))],
            self._budget(),
            fallbacks=self._fallbacks(provider.fallback),
            fallback_on=provider.fallback.on,
        )

    def _fallbacks(self, fallback: Fallback) -> list[Pool]:
        return [self._stand_in(name) for name in fallback.models]

    def _stand_in(self, name: str) -> Pool:
        """The pool of a fallback, without fallbacks of its own."""
        group = self._config.groups.get(name)
        if group is None:
            target = self._config.aliases.get(name, name)
            return Pool(self._members([Target(target)]), self._budget())
        return Pool(self._members(group.targets), self._budget(), group.balance, hedge=group.hedge)

    def _members(self, targets: Iterable[Target]) -> list[Member]:
        members = []
        for target in targets:
            found = self._index.find(target.name)
            assert found is not None, "the config was checked"
            members.append(Member(self._deployment(*found), target.weight, target.priority))
        return members

    def _deployment(self, provider: Provider, model: str) -> Deployment:
        key = provider.name, model
        if key not in self.deployments:
            known = self._known.get(key)
            if known is None or not known.is_as(provider, self._config.health):
                known = Deployment(provider, model, self._config.health)
            self.deployments[key] = known
        return self.deployments[key]

    def _budget(self) -> RetryBudget:
        return RetryBudget(self._config.retries.budget)
