"""Which provider a name means. Aliases and the default come on top of this, in routing.

In this order: a provider's ``name``, ``provider/id``, a bare id, a wildcard. The first in the file wins.
"""

from collections.abc import Iterable

from wsgi_gateway.config.model import Provider
from wsgi_gateway.config.providers import UNKNOWN, known_providers


class NameIndex:
    """Looks names up among the providers of one config."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        providers = tuple(providers)
        exact = [provider for provider in providers if not provider.wildcard]
        self._wildcards = [provider for provider in providers if provider.wildcard]
        self._exact: dict[str, Provider] = {}
        for attribute in ("name", "id", "model"):
            for provider in exact:
                self._exact.setdefault(getattr(provider, attribute), provider)
        self._prefixes: dict[str, Provider] = {}
        for attribute in ("name", "provider"):
            for provider in self._wildcards:
                self._prefixes.setdefault(getattr(provider, attribute), provider)

    def find(self, name: str) -> tuple[Provider, str] | None:
        """The provider, and the id that it shall be asked for."""
        if provider := self._exact.get(name):
            return provider, provider.model
        prefix, slash, model = name.partition("/")
        if slash:
            owner = self._prefixes.get(prefix)
            return (owner, model) if owner and model and model != "*" else None
        owner = self._owner_of_bare(name)
        return (owner, name) if owner else None

    def known(self) -> list[str]:
        """Every name that is found exactly, for suggestions."""
        return list(self._exact)

    def prefixes(self) -> list[str]:
        """What may stand before the slash of a name that a wildcard answers to."""
        return [prefix for prefix in self._prefixes if "/" not in prefix]

    def _owner_of_bare(self, model: str) -> Provider | None:
        """The wildcard for a bare id: its maker's, or else the only one that serves everybody's models.

        With several of the latter it would be a guess, and with only makers of other models a mistake.
        """
        table = known_providers()
        anybodys = []
        for provider in self._wildcards:
            row = table.get(provider.provider, UNKNOWN)
            if row.makes(model):
                return provider
            if not row.models:
                anybodys.append(provider)
        return anybodys[0] if model and len(anybodys) == 1 else None
