"""Stored responses: what ``previous_response_id`` refers to."""

from wsgi_gateway.state.history import StoredResponse, expand, remember
from wsgi_gateway.state.memory import MemoryStore

__all__ = ["MemoryStore", "StoredResponse", "expand", "remember"]
