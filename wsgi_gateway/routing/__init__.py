"""Which upstream answers a request: the model's name to a provider, the API to speak with it, and who else may."""

from wsgi_gateway.routing.apis import choose_api
from wsgi_gateway.routing.deployment import Attempt
from wsgi_gateway.routing.failures import failure_of
from wsgi_gateway.routing.plan import Plan, Setback, Step
from wsgi_gateway.routing.pool import Member, Pool
from wsgi_gateway.routing.table import ModelEntry, ModelTable, Route

__all__ = [
    "Attempt",
    "Member",
    "ModelEntry",
    "ModelTable",
    "Plan",
    "Pool",
    "Route",
    "Setback",
    "Step",
    "choose_api",
    "failure_of",
]
