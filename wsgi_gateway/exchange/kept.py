"""What outlives a Gateway that another config has replaced: connections, and what is in memory."""

from typing import NamedTuple

from wsgi_gateway.access import Admission
from wsgi_gateway.access.gate import Gate
from wsgi_gateway.config import Overload, StateStorage
from wsgi_gateway.exchange.background import Background
from wsgi_gateway.exchange.translating import Translator
from wsgi_gateway.routing import ModelTable
from wsgi_gateway.state import Store
from wsgi_gateway.upstream import UpstreamClient


class Kept(NamedTuple):
    """What of a gateway is of use to the one that takes its place when the config changes."""

    models: ModelTable | None = None
    admission: Admission | None = None
    """The last that there was: it knows what clients have used, should another config want to know."""
    overload: Overload | None = None
    gate: Gate | None = None
    upstreams: UpstreamClient | None = None
    storage: StateStorage | None = None
    store: Store | None = None
    translator: Translator | None = None
    background: Background | None = None

    def gate_of(self, overload: Overload) -> Gate | None:
        """The gate, if it has the bounds that are asked for. With another one both hold until the old requests end."""
        return self.gate if self.overload == overload else None

    def store_of(self, storage: StateStorage) -> Store | None:
        """The store, if it is the one that this asks for. Of another one, what is in memory is lost."""
        is_same = self.storage is not None and self.storage.is_same_place(storage)
        return self.store if is_same else None
