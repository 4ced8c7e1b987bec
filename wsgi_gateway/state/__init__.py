"""What is kept between requests: responses, to which ``previous_response_id`` refers, and thoughts."""

from wsgi_gateway.state.history import StoredResponse, expand, remember
from wsgi_gateway.state.opening import open_store
from wsgi_gateway.state.store import Namespace, Store, StoreDown
from wsgi_gateway.state.tenant import tenant_of
from wsgi_gateway.state.thoughts import Listener, ThoughtCache

__all__ = [
    "Listener",
    "Namespace",
    "Store",
    "StoreDown",
    "StoredResponse",
    "ThoughtCache",
    "expand",
    "open_store",
    "remember",
    "tenant_of",
]
