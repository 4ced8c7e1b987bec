"""Which upstream answers a request: the model's name to a provider, and the API to speak with it."""

from wsgi_gateway.routing.apis import choose_api
from wsgi_gateway.routing.table import ModelEntry, ModelTable, Route

__all__ = ["ModelEntry", "ModelTable", "Route", "choose_api"]
