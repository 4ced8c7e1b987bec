"""Questions about a response that an upstream keeps itself: asked there, with the client's words."""

from wsgi_gateway.config import Provider
from wsgi_gateway.exchange import relay
from wsgi_gateway.exchange.call import JSON_HEADERS, STREAM_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.exchange.keepalive import Keepalive
from wsgi_gateway.exchange.refusals import refusal_verbatim
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.side_endpoints.asking import NO_SUCH_ENDPOINT
from wsgi_gateway.state import not_found
from wsgi_gateway.upstream import UpstreamReply, added_query, is_step, path_step

_API = PROTOCOLS["responses"]


class Forwarder:
    """For the clients of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def keeper(self, origin: str) -> Provider | None:
        """The provider of that name, if it is still there and speaks Responses."""
        found = (each for each in self._gateway.providers if each.name == origin)
        return next(filter(_speaks_responses, found), None)

    def only_keeper(self) -> Provider | None:
        """The one provider that may know a response of which the gateway does not.

        It must be the client's own key that opens it: with the gateway's, any client could read any response there,
        so that is only done where the config says so.
        """
        asks = self._gateway.unknown_ids == "ask"
        found = [each for each in self._gateway.providers if asks or each.passthrough_auth]
        found = list(filter(_speaks_responses, found))
        places = {(each.endpoints["responses"], each.access_key) for each in found}
        return found[0] if len(places) == 1 else None

    def ask(
        self, provider: Provider, request: Request, method: str, response_id: str, tail: str = ""
    ) -> Answer:
        """What the upstream says. Raises ApiError, also for its refusals."""
        call, reply = self._send(provider, request, method, response_id, tail)
        with relay.closing_on_error(reply):
            if not reply.is_success:
                raise _refused(call, reply)
            if request.query.get("stream") == "true" and reply.is_event_stream:
                keepalive = Keepalive(self._gateway.keepalive)
                stream = relay.passed(reply, _API.tap(), _API, provider, None, keepalive)
                return Answer(200, STREAM_HEADERS | call.headers, stream)
            content = reply.read()
            reply.close()
            return Answer(reply.status, JSON_HEADERS | call.headers, content)

    def delete(
        self, provider: Provider, request: Request, response_id: str, *, is_here: bool
    ) -> None:
        """Have it deleted there. Raises ApiError where it is not, unless it ``is_here`` and was never there."""
        call, reply = self._send(provider, request, "DELETE", response_id)
        with relay.closing_on_error(reply):
            if not reply.is_success and not (is_here and reply.status in NO_SUCH_ENDPOINT):
                raise _refused(call, reply)
            reply.read()
            reply.close()

    def _send(
        self, provider: Provider, request: Request, method: str, response_id: str, tail: str = ""
    ) -> tuple[Call, UpstreamReply]:
        call = Call(
            request=request, client=_API, upstream=_API, provider=provider, model="", fields={}
        )
        if not is_step(response_id):
            raise not_found(response_id)
        path = f"/{path_step(response_id)}{tail}"
        query = added_query(provider.endpoints["responses"], request.query_string)
        return call, self._gateway.send(call, b"", path, method=method, query=query)


def _refused(call: Call, reply: UpstreamReply) -> ApiError:
    content = reply.read()
    reply.close()
    error = refusal_verbatim(call, reply.status, content)
    error.headers = call.headers | error.headers
    return error


def _speaks_responses(provider: Provider) -> bool:
    return "responses" in provider.endpoints
