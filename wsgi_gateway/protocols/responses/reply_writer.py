"""Events, written as the Responses reply that a client gets.

Theory of operation. ``response.created`` and ``.in_progress`` open a stream; the items of ``output_writer`` follow; one
terminal event closes it, whose response repeats every item. A full reply is that response. A reply that broke
off ends with the ``error`` event, at which the SDKs raise, and ``response.failed``, which is what Codex looks for.
"""

import time
from collections.abc import Iterable

from msgspec import Raw

from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Annotated,
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply, unfold
from wsgi_gateway.protocols.responses.client_tools import ClientTools
from wsgi_gateway.protocols.responses.echo import new_response
from wsgi_gateway.protocols.responses.errors import error_event, failure_of_response
from wsgi_gateway.protocols.responses.numbered import Events, NoEvents, NumberedEvents
from wsgi_gateway.protocols.responses.output_writer import OutputWriter
from wsgi_gateway.protocols.responses.usage import write_tool_usage, write_usage
from wsgi_gateway.protocols.service_tier import RESPONSES_TIERS, written_tier

_INCOMPLETE: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "context_window": "max_output_tokens",
    "content_filter": "content_filter",
}


def _asks_for_sources(body: Json) -> bool:
    include = body.get("include")
    return isinstance(include, list) and "web_search_call.action.sources" in include


def write_reply(reply: Reply, conversation: Conversation, loss: Loss) -> Json:
    """The full reply: the response with which the stream would have ended."""
    life = _Life(conversation, loss, NoEvents())
    for event in unfold(reply):
        life.take(event)
    return life.response


class StreamWriter:
    """The interface is ``table.StreamWriter``; ``response`` stays None if the reply broke off."""

    def __init__(self, conversation: Conversation, loss: Loss) -> None:
        self.response: Json | None = None
        self._events = NumberedEvents()
        self._life = _Life(conversation, loss, self._events)

    def write(self, events: Iterable[Event]) -> bytes:
        for event in events:
            if isinstance(event, Failed):
                self._fail(event.error)
                continue
            self._life.take(event)
            if isinstance(event, Finished):
                self.response = self._life.response
        return self._events.take()

    def _fail(self, error: ApiError) -> None:
        self._life.start()
        self._events.tell(error_event(error, self._events.next_number()))
        self._life.fail(error)


class _Life:
    """The life of one response."""

    def __init__(self, conversation: Conversation, loss: Loss, events: Events) -> None:
        response_id = conversation.reply_id or new_id("resp_")
        self.response = new_response(conversation, response_id, int(time.time()))
        self._emit = events.emit
        self._started = False
        self._usage: Usage | None = None
        self._loss = loss
        # Not held where nothing can come of it: it may be large.
        may_compact = conversation.compact_threshold is not None
        self._untold = conversation if may_compact else None
        self._output = OutputWriter(
            events,
            ClientTools(conversation.body),
            loss,
            with_sources=_asks_for_sources(conversation.body),
        )

    def take(self, event: Event) -> None:
        match event:
            case Delta():
                self._output.add(event.index, [event.text], event.logprobs)
            case Deltas():
                self._output.add(event.index, event.texts)
            case PartStarted():
                self._output.start(event)
            case Annotated():
                self._output.annotate(event)
            case PartEnded():
                self._output.end(event)
            case Started():
                self.start()
                self._tell_compaction()
            case UsageReported():
                self._usage = event.usage
                tier = written_tier(event.usage.service_tier, RESPONSES_TIERS, self._loss)
                if tier is not None:
                    self.response["service_tier"] = tier
            case Finished():
                self._finish(event)

    def start(self) -> None:
        """Idempotent: a reply may also fail before it began."""
        if not self._started:
            self._started = True
            # Told twice, encoded once.
            begun = Raw(encode(self.response))
            self._emit("response.created", {"response": begun})
            self._emit("response.in_progress", {"response": begun})

    def _tell_compaction(self) -> None:
        """In the background a response starts before its model is asked, and so before there is one."""
        if self._untold is not None and self._untold.compaction is not None:
            self._output.compacted(self._untold.compaction)
            self._untold = None

    def _finish(self, event: Finished) -> None:
        self._note_lost(event)
        reason = _INCOMPLETE.get(event.reason)
        self._output.finish(reason is None, event.explanation)
        status = "completed" if reason is None else "incomplete"
        self.response |= {
            "status": status,
            "incomplete_details": None if reason is None else {"reason": reason},
            "output": self._output.output(),
            "usage": write_usage(self._usage, self._loss),
            "completed_at": int(time.time()) if reason is None else None,
            **write_tool_usage(self._usage),
        }
        self._emit(f"response.{status}", {"response": self.response})

    def _note_lost(self, event: Finished) -> None:
        """What the API's endings cannot say."""
        loss = self._loss
        if event.reason == "context_window":
            loss.approximated(
                "reply.incomplete_details.reason", "the end was that of the context window"
            )
        elif event.reason == "pause":
            loss.approximated("reply.status", "the upstream paused, and waits to be asked to go on")
        if event.stop_sequence is not None:
            loss.dropped("reply.stop_sequence", "which one ended the reply has no place")
        if event.category is not None:
            loss.dropped("reply.incomplete_details", f"the upstream's category: {event.category}")
        if event.explanation is not None:
            loss.approximated("reply.output", "the upstream's explanation became a refusal")

    def fail(self, error: ApiError) -> None:
        self.response |= {
            "status": "failed",
            "error": failure_of_response(error),
            "output": self._output.output(),
            "usage": write_usage(self._usage, self._loss) if self._usage is not None else None,
        }
        self._emit("response.failed", {"response": self.response})
