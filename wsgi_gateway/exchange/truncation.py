"""What ``truncation: auto`` leaves out of a conversation that its upstream refused as too long.

Theory of operation. Only the upstream knows how much it takes, so all is sent first. Refused, the oldest turns go,
whole ones, and never a call without its result; where the last turn alone is too long (an agent at work), its oldest
rounds of calls. System and developer messages stay, as do the last question and what followed the last results. How
much goes the refusal tells, where it names the limit and what was asked; else half. Source: OpenAI API reference,
"truncation".
"""

import re
from collections.abc import Callable
from itertools import pairwise

from msgspec.structs import replace

from wsgi_gateway.protocols.conversation import (
    Conversation,
    Item,
    Message,
    Role,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.token_count import estimate

# A number of tokens, that is: no part of a model's name, a version or a date.
_FIGURE = re.compile(r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+|\d{3,})(?![\w-]|[.,]\d)")
_RULES: tuple[Role, ...] = ("system", "developer")
_MARGIN = 20
"""A twentieth of the whole goes beyond what must: tokens are estimated."""


def shortened(conversation: Conversation, refusal: ApiError, model: str) -> Conversation | None:
    """``conversation`` without its oldest turns; None if nothing may be left out. ``model`` is the upstream's id."""
    surplus = _surplus(refusal.message, estimate(conversation, model).tokens)
    *earlier, last = _split(conversation.items, _asks)
    *rounds, newest = _split(last, _follows_results)
    pieces = [(turn, _RULES) for turn in earlier]
    pieces += [(calls, (*_RULES, "user")) for calls in rounds]
    kept: list[Item] = []
    for piece, staying in pieces:
        gone = [item for item in piece if not _is_from(item, *staying)]
        if surplus <= 0 or not gone:
            kept += piece
            continue
        kept += [item for item in piece if _is_from(item, *staying)]
        part = replace(conversation, items=gone, instructions=[], tools=[], output_format=None)
        surplus -= estimate(part, model).tokens
    kept += newest
    return None if len(kept) == len(conversation.items) else replace(conversation, items=kept)


def _surplus(message: str, tokens: int) -> int:
    """How many of the ``tokens`` of a conversation have to go."""
    figures = sorted({int(figure.replace(",", "")) for figure in _FIGURE.findall(message)})
    if len(figures) < 2:
        return tokens // 2
    # Of the figures that hosts tell, these are the limit and what was asked for, whatever else they tell.
    limit, asked = figures[-2:]
    return asked - limit + tokens // _MARGIN


def _asks(_before: Item, item: Item) -> bool:
    return _is_from(item, "user")


def _follows_results(before: Item, _item: Item) -> bool:
    return isinstance(before, ToolResult)


def _split(items: list[Item], begins: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """Cut before each item that ``begins`` a piece, given the one before, but never between a call and its result."""
    pieces = [items[:1]]
    unanswered: set[str] = set()
    for before, item in pairwise(items):
        match before:
            case ToolCall(id=call_id):
                unanswered.add(call_id)
            case ToolResult(call_id=call_id):
                unanswered.discard(call_id)
        if begins(before, item) and not unanswered:
            pieces.append([])
        pieces[-1].append(item)
    return pieces


def _is_from(item: Item, *roles: Role) -> bool:
    return isinstance(item, Message) and item.role in roles
