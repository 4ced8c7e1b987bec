"""What the steps of one request's translation share: whom it goes to, what was lost, which names were changed."""

from msgspec import Struct, field

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.capabilities import Capabilities
from wsgi_gateway.protocols.loss import Loss


class Translation(Struct, kw_only=True):
    """``model`` is the bare id for the upstream; ``origin`` names the provider as ``Proof.origin`` does.

    ``stop`` are the stop sequences that the gateway itself must look for, as the upstream's API has none
    (Responses), its model takes none (OpenAI's reasoning models), or there are too many for it. ``sent_stop`` are
    those that the upstream looks for; some hosts tell which of them matched.
    """

    model: str
    origin: str
    capabilities: Capabilities
    loss: Loss
    aliases: Aliases = field(default_factory=Aliases)
    stop: list[str] = field(default_factory=list)
    sent_stop: list[str] = field(default_factory=list)
    breakpoints: int = 0
    """Cache breakpoints that were written: hardly ever more than an upstream takes, of which some must go."""
