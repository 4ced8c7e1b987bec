"""How many tokens a conversation takes: an estimate for models whose provider is not asked. Does no I/O."""

from wsgi_gateway.token_count.estimate import Estimate, estimate

__all__ = ["Estimate", "estimate"]
