"""Turns of a history, brought into the order that Messages demands (digest 3.2, 6.1, edges 37-44).

How items become turns is the job of ``history_writer``.
"""

from collections.abc import Sequence

from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.blocks_writer import text_block
from wsgi_gateway.protocols.translation import Translation
from wsgi_gateway.protocols.words import text_of

_THINKING = ("thinking", "redacted_thinking")
_OPENING = "(The conversation begins with the assistant.)"


class Turn(Struct, gc=False):
    """``role`` is ``user``, ``assistant`` or ``system``; results are first in a user turn."""

    role: str
    blocks: list[Json] = field(default_factory=list)


def settle(turns: Sequence[Turn], translation: Translation) -> list[Turn]:
    """Turns that alternate, begin with the user's, and hold nothing empty. May be none at all.

    Raises ApiError if the assistant's is the last, and the model does not continue it.
    """
    loss = translation.loss
    for turn in turns:
        if turn.role == "assistant":
            while turn.blocks and turn.blocks[-1]["type"] in _THINKING:
                loss.dropped(turn.blocks.pop(), "reasoning that led to nothing")
    settled = _joined(turns)
    reminders = [
        turn
        for position, turn in enumerate(settled)
        if turn.role == "system" and not _may_stay(settled, position, translation)
    ]
    if reminders:
        for turn in reminders:
            turn.role = "user"
            for block in turn.blocks:
                _remind(block, loss)
        settled = _joined(settled)
    if settled and settled[0].role == "assistant":
        first = settled[0].blocks[0]
        loss.approximated(first, "a user turn was put before the assistant's first")
        settled.insert(0, Turn("user", [text_block(_OPENING)]))
    if settled and settled[-1].role == "assistant":
        _trim_prefill(settled[-1].blocks[-1], translation)
    return settled


def tool_loop_lacks_thinking(messages: Sequence[Json]) -> bool:
    """Whether a tool call that is being worked on came without its reasoning.

    The API then refuses to think with a budget: "Expected `thinking`, but found `tool_use`".
    """
    for message in reversed(messages):
        kinds = [block["type"] for block in message["content"]]
        if message["role"] == "user" and "tool_result" not in kinds:
            return False
        if message["role"] == "assistant" and "tool_use" in kinds and kinds[0] not in _THINKING:
            return True
    return False


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Without the empty ones, neighbours of one role as one."""
    joined: list[Turn] = []
    for turn in turns:
        if not turn.blocks:
            continue
        if joined and joined[-1].role == turn.role:
            joined[-1].blocks += turn.blocks
        else:
            joined.append(turn)
    return joined


def _may_stay(turns: Sequence[Turn], position: int, translation: Translation) -> bool:
    """A system turn stands behind a user's, and is the last or before an assistant's."""
    return (
        translation.capabilities.system_messages
        and position > 0
        and turns[position - 1].role == "user"
        and (position + 1 == len(turns) or turns[position + 1].role == "assistant")
    )


def _remind(block: Json, loss: Loss) -> None:
    loss.approximated(block, "a later system message became a reminder to the user's turn")
    block["text"] = f"<system-reminder>\n{text_of(block['text'])}\n</system-reminder>"


def _trim_prefill(last: Json, translation: Translation) -> None:
    """OpenAI's APIs answer behind a last assistant message; Messages continues it."""
    if not translation.capabilities.prefill:
        translation.loss.refuse(
            last, "the last message is the assistant's, which this model does not continue"
        )
    translation.loss.approximated(last, "the upstream continues the assistant's last message")
    last["text"] = text_of(last["text"]).rstrip()
