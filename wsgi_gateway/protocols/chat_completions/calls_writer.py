"""Tool calls of a reply, as a Chat Completions client knows them: ``tool_calls``, or the deprecated ``function_call``.

The latter has place for one call without an id. The gateway asks its upstream for one call at a time then; what
comes beside it is noted and left out.
"""

from msgspec import Raw

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.events import PartStarted
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import ReplyPart


def write_calls(calls: list[ReplyPart], is_legacy: bool, loss: Loss) -> Json:
    """The fields of a full reply's message."""
    if not calls:
        return {}
    if not is_legacy:
        return {"tool_calls": [_whole(call) for call in calls]}
    if len(calls) > 1:
        _leave_out(loss)
    return {"function_call": {"name": calls[0].name, "arguments": calls[0].text}}


def _whole(call: ReplyPart) -> Json:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.text}}
    function = {"name": call.name, "arguments": call.text}
    return {"id": call.id, "type": "function", "function": function}


def _leave_out(loss: Loss) -> None:
    loss.approximated("reply.function_call", "further calls were left out: there is place for one")


class CallsWriter:
    """The fragments of a stream's calls; an empty one is not to be sent."""

    def __init__(self, is_legacy: bool, loss: Loss) -> None:
        self._is_legacy = is_legacy
        self._loss = loss
        self._numbers: dict[int, int] = {}
        self._custom: set[int] = set()

    def start(self, event: PartStarted) -> Json:
        number = self._numbers[event.index] = len(self._numbers)
        function = {"name": event.name, "arguments": ""}
        if self._is_legacy and number:
            _leave_out(self._loss)
            return {}
        if self._is_legacy:
            return {"function_call": function}
        call: Json = {"index": number, "id": event.id}
        if event.custom:
            self._custom.add(event.index)
            call |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            call |= {"type": "function", "function": function}
        return {"tool_calls": [call]}

    def delta(self, index: int, text: Raw) -> Json:
        """What brings ``text`` of a call's arguments."""
        number = self._numbers[index]
        if self._is_legacy:
            return {} if number else {"function_call": {"arguments": text}}
        if index in self._custom:
            return {"tool_calls": [{"index": number, "custom": {"input": text}}]}
        return {"tool_calls": [{"index": number, "function": {"arguments": text}}]}
