"""Questions about a stored response: the object, plain or told again as a stream, its input, its end.

What is kept, and how, is ``state``'s job; errors are the exchange's.

Source: OpenAI API reference, "Responses": get, delete, cancel, list input items.
"""

from collections.abc import Callable

import msgspec

from wsgi_gateway.config import Provider
from wsgi_gateway.exchange.call import JSON_HEADERS, STREAM_HEADERS, Answer, Request, json_answer
from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.protocols.decoding import decode_object
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.side_endpoints.forwarding import Forwarder
from wsgi_gateway.state import (
    Responses,
    Runs,
    StoreDown,
    StoredResponse,
    behind,
    context,
    not_found,
    page,
)
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT

_API = PROTOCOLS["responses"]
Work = Callable[[Request, str], Answer]


class StoredResponses:
    """Answers for the clients of one gateway. No method raises; each takes the request and a response's id."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._forwarder = Forwarder(gateway)

    def retrieve(self, request: Request, response_id: str) -> Answer:
        """The object as it was told, or with ``stream=true`` the events behind ``starting_after``."""
        return self._guarded(self._retrieve, request, response_id)

    def delete(self, request: Request, response_id: str) -> Answer:
        """The response, and the items of its output, are gone."""
        return self._guarded(self._delete, request, response_id)

    def cancel(self, request: Request, response_id: str) -> Answer:
        """The response as it is when its work has ended."""
        return self._guarded(self._cancel, request, response_id)

    def input_items(self, request: Request, response_id: str) -> Answer:
        """A page of the items that the response was made of, those of earlier turns included."""
        return self._guarded(self._input_items, request, response_id)

    def _guarded(self, work: Work, request: Request, response_id: str) -> Answer:
        return self._gateway.aside("stored_response", request, lambda: work(request, response_id))

    def _retrieve(self, request: Request, response_id: str) -> Answer:
        state = self._gateway.state_of(request.headers)
        runs = Runs(state)
        stored = runs.current(response_id)
        keeper = self._keeper(stored)
        if keeper is not None and (stored is None or stored.is_open):
            answer = self._forwarder.ask(keeper, request, "GET", response_id)
            if stored is not None:
                _take_over(answer, response_id, runs)
            return answer
        if stored is None:
            raise not_found(response_id)
        if request.query.get("stream") != "true":
            return Answer(200, JSON_HEADERS, bytes(stored.response))
        after = _starting_after(request)
        if stored.background and runs.has_log(response_id):
            background = self._gateway.background
            events = background.follow(state, response_id, after, request.client)
            flight = IN_FLIGHT.enter(_API.name)
            flight.mark_stream()
            return Answer(200, STREAM_HEADERS, flight.until_closed(events))
        if stored.is_open:
            raise ApiError("invalid_request", "This response was not created with stream=true.")
        stream = _API.stream_full(msgspec.json.decode(stored.response), {})
        return Answer(200, STREAM_HEADERS, [behind(stream, after)[0]])

    def _delete(self, request: Request, response_id: str) -> Answer:
        runs = Runs(self._gateway.state_of(request.headers))
        stored = runs.current(response_id)
        keeper = self._keeper(stored)
        if keeper is not None:
            is_here = stored is not None
            self._forwarder.delete(keeper, request, response_id, is_here=is_here)
        if not runs.delete(response_id) and keeper is None:
            raise not_found(response_id)
        self._gateway.background.stop(response_id)
        return json_answer({"id": response_id, "object": "response", "deleted": True})

    def _cancel(self, request: Request, response_id: str) -> Answer:
        runs = Runs(self._gateway.state_of(request.headers))
        stored = runs.current(response_id)
        keeper = self._keeper(stored)
        if keeper is not None:
            return self._forwarder.ask(keeper, request, "POST", response_id, "/cancel")
        if stored is None:
            raise not_found(response_id)
        if not stored.background:
            raise ApiError("invalid_request", "Cannot cancel a synchronous response.")
        stored = runs.cancel(response_id)
        self._gateway.background.stop(response_id)
        if stored is None:
            raise not_found(response_id)
        return Answer(200, JSON_HEADERS, bytes(stored.response))

    def _input_items(self, request: Request, response_id: str) -> Answer:
        state = self._gateway.state_of(request.headers)
        try:
            items = context(response_id, state)
        except ApiError as error:
            keeper = self._keeper(Responses(state).response(response_id))
            if keeper is None or isinstance(error, StoreDown):
                raise
            return self._forwarder.ask(keeper, request, "GET", response_id, "/input_items")
        return json_answer(page(items, request.query))

    def _keeper(self, stored: StoredResponse | None) -> Provider | None:
        """The provider whose upstream has the response too, or alone."""
        if stored is None:
            return self._forwarder.only_keeper()
        return self._forwarder.keeper(stored.origin) if stored.origin is not None else None


def _take_over(answer: Answer, response_id: str, runs: Runs) -> None:
    """Keep what an upstream says of a response that it makes in the background."""
    try:
        response = decode_object(answer.body) if isinstance(answer.body, bytes) else {}
    except ValueError:
        return
    if answer.status == 200 and isinstance(response.get("output"), list):
        runs.change(response_id, {**response, "id": response_id})


def _starting_after(request: Request) -> int:
    """The number of the last event that the client has; -1 for none."""
    given = request.query.get("starting_after") or "-1"
    try:
        return int(given[:20])
    except ValueError:
        raise ApiError(
            "invalid_request", "starting_after: must be a whole number", param="starting_after"
        ) from None
