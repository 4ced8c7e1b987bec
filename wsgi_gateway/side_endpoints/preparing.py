"""A turn without output: what a client means to send is read, and kept for the turn that goes on from it.

Clients send their tools and instructions ahead, on a WebSocket with ``generate: false``. No upstream is asked: over
HTTP none knows of this.

Source: OpenAI's guide "WebSocket Mode".
"""

from wsgi_gateway.exchange.call import STREAM_HEADERS, Answer, Call, Request
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply


class Preparer:
    """Prepares for the clients of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def answer(self, request: Request) -> Answer:
        """The stream of a response that has no output. Never raises."""
        return self._gateway.serve("responses", request, self._prepare, "preparation")

    def _prepare(self, call: Call) -> Answer:
        loss = Loss(call.client.name)
        conversation = self._gateway.translator.read_conversation(call, loss)
        full = call.client.write_reply(Reply(usage=Usage()), conversation, loss)
        call.keeping(loss).keep(full)
        stream = call.client.stream_full(full, call.body)
        return Answer(200, STREAM_HEADERS | call.headers, [stream])
