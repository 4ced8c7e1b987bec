"""The ids by which a client and an operator speak of one request."""

from wsgi_gateway.protocols.ids import new_id

OWN = "x-gateway-request-id"


def new_request_id() -> str:
    """The gateway's own, for one more request."""
    return new_id("req_")


def with_request_ids(headers: dict[str, str]) -> dict[str, str]:
    """The upstream's request id under both SDKs' names; the gateway's own where it gave none.

    That is made anew unless ``headers`` have it.
    """
    own = headers.get(OWN) or new_request_id()
    return {"x-request-id": own, "request-id": own, OWN: own} | headers
