"""What becomes of fields that the upstream's API has no place for: hints are dropped with a note, what would
change the answer is refused."""

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.loss import Loss


def leave_out(
    conversation: Conversation,
    loss: Loss,
    *,
    hints: tuple[str, ...] = (),
    semantic: tuple[str, ...] = (),
) -> None:
    """Note or refuse those of the named Conversation fields that the client set to more than the default."""
    for name in hints:
        if getattr(conversation, name):
            loss.dropped(name)
    for name in semantic:
        if getattr(conversation, name):
            loss.refuse(name, "the upstream's API has no such setting")


def leave_out_unknown(
    fields: set[str], known: frozenset[str], hints: frozenset[str], loss: Loss
) -> None:
    """Note the top-level request fields that a reader does not know, each as the kind of loss it is."""
    for name in sorted(fields - known):
        if name in hints:
            loss.dropped(name)
        else:
            loss.dropped(name, "unknown to the gateway, and only passed on without translation")
