"""What is kept between requests: responses, to which ``previous_response_id`` refers, and thoughts."""

from wsgi_gateway.state.connection import ConnectionState
from wsgi_gateway.state.conversations import Conversation, Conversations
from wsgi_gateway.state.items import page
from wsgi_gateway.state.opening import open_store
from wsgi_gateway.state.origins import Said
from wsgi_gateway.state.past import context, is_reference, resolved
from wsgi_gateway.state.responses import Responses, StoredResponse, Told, not_found, passed, told
from wsgi_gateway.state.runs import Runs, behind, last_event
from wsgi_gateway.state.store import Namespace, Store, StoreDown
from wsgi_gateway.state.tenant import tenant_of
from wsgi_gateway.state.thoughts import Listener, ThoughtCache
from wsgi_gateway.state.turn import Turn, is_stateless, leaves_nothing, names_stored

__all__ = [
    "ConnectionState",
    "Conversation",
    "Conversations",
    "Listener",
    "Namespace",
    "Responses",
    "Runs",
    "Said",
    "Store",
    "StoreDown",
    "StoredResponse",
    "ThoughtCache",
    "Told",
    "Turn",
    "behind",
    "context",
    "is_reference",
    "is_stateless",
    "last_event",
    "leaves_nothing",
    "names_stored",
    "not_found",
    "open_store",
    "page",
    "passed",
    "resolved",
    "tenant_of",
    "told",
]
