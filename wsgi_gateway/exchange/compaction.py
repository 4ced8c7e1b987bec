"""A history that the model itself summarizes, where its provider has no compaction.

What is kept, asked and told is ``protocols/responses``' job; how the model is reached, the exchange's. Not here: the
endpoint (``compacting``).
"""

from collections.abc import Callable

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.events import Usage
from wsgi_gateway.protocols.ids import new_id
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import Reply
from wsgi_gateway.protocols.responses import items
from wsgi_gateway.protocols.responses.compacting import (
    make_plan,
    summary_request,
)
from wsgi_gateway.protocols.responses.compaction import Compaction, seal_compaction
from wsgi_gateway.protocols.responses.summary_cutter import NoSummary
from wsgi_gateway.state.turn import input_items
from wsgi_gateway.token_count import estimate


class Model(Struct, kw_only=True):
    """The model that a request was routed to: ``read`` makes a conversation with it of a body, ``ask`` has it answer.

    Both raise ApiError. ``most_tokens`` is how long an answer it can give.
    """

    name: str
    most_tokens: int
    read: Callable[[Json], Conversation]
    ask: Callable[[Conversation], Reply]


class Summary(Struct):
    text: str
    usage: Usage | None


def summarize(conversation: Conversation, model: Model, loss: Loss) -> Summary:
    """The model's summary of a conversation. Raises ApiError, also where the model answers something else."""
    reply = model.ask(summary_request(conversation, model.most_tokens))
    text = "".join(part.text for part in reply.parts if part.kind == "text").strip()
    if not text:
        raise NoSummary
    if reply.reason in ("length", "context_window"):
        loss.approximated("compaction", "the summary was cut at its limit")
    return Summary(text, reply.usage)


def compaction_due(conversation: Conversation, model: Model, loss: Loss) -> str | None:
    """The sealed summary that is to stand for the history; None if ``conversation`` is within its threshold.

    Raises ApiError.
    """
    body, threshold = conversation.body, conversation.compact_threshold
    if threshold is None or estimate(conversation, model.name).tokens <= threshold:
        return None
    given = input_items(body)
    # A token is about four bytes, so a quarter of the threshold is left to what the user said.
    plan = make_plan(given, room=threshold)
    if plan is None:
        loss.dropped("context_management", "there is nothing to compact before the newest turn")
        return None
    summary = summarize(model.read({**body, "input": plan.history}), model, loss)
    _tell_cost(summary.usage or Usage(), loss)
    return seal_compaction(Compaction(summary.text, plan.before, plan.after))


def put_in_place(token: str, conversation: Conversation, model: Model) -> None:
    """The model gets to see what it will see whenever the client sends the item back. Raises ApiError."""
    body, item = conversation.body, items.compaction(new_id("cmp_"), token)
    shown = model.read({**body, "input": [*input_items(body), item]})
    conversation.items = shown.items
    conversation.compaction = token


def _tell_cost(usage: Usage, loss: Loss) -> None:
    """Apart from the reply's usage, by which clients tell how full the context is."""
    loss.dropped(
        "reply.usage",
        f"the compaction's {usage.input} input and {usage.output} output tokens are not in it",
    )
