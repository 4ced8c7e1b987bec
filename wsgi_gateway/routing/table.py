"""From the model that a request names to the provider that answers, and the models that clients can list.

The order is: alias (followed once), then what config.names finds. Immutable once made, so shared by all requests.
"""

from msgspec import Struct

from wsgi_gateway.config import Config, Provider
from wsgi_gateway.config.names import NameIndex
from wsgi_gateway.config.problems import closest, shown
from wsgi_gateway.protocols.errors import ApiError


class Route(Struct, frozen=True):
    """Who is asked, and for what."""

    provider: Provider
    model: str
    """The bare id for the upstream."""


class ModelEntry(Struct, frozen=True):
    """One line of a model listing."""

    id: str
    owned_by: str


class ModelTable:
    """The names of one config."""

    def __init__(self, config: Config) -> None:
        self._aliases = config.aliases
        self._index = NameIndex(config.providers)
        self._default = next((each for each in config.providers if each.default), None)
        self._entries = self._list(config.providers)

    def resolve(self, name: str | None) -> Route:
        """The route for a request's ``model``; None or "" is the default.

        Raises ApiError: ``model_not_found`` naming the closest known names, or ``invalid_request`` if no model is
        named and there is no default.
        """
        if not name:
            if self._default is None:
                raise ApiError(
                    "invalid_request",
                    "the request names no model, and no default is configured",
                    param="model",
                )
            return Route(self._default, self._default.model)
        found = self._index.find(self._aliases.get(name, name))
        if found is None:
            raise ApiError("model_not_found", self._unknown(name), param="model")
        return Route(*found)

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
