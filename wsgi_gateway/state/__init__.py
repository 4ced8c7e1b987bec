"""What is kept between requests: responses, to which ``previous_response_id`` refers, and thoughts."""

from wsgi_gateway.state.history import StoredResponse, expand, remember
from wsgi_gateway.state.memory import MemoryStore
from wsgi_gateway.state.thoughts import Listener, ThoughtCache

__all__ = ["Listener", "MemoryStore", "StoredResponse", "ThoughtCache", "expand", "remember"]
