"""Places in a JSON body, written as ``messages.0.content``: reading, setting, and telling two bodies apart by them.

Here: plain data. Null and absent are one, as in every API.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from support.streams import Json

ALIASES: dict[str, dict[str, str]] = {
    "chat_completions": {
        "parts": "messages.0.content",
        "choice": "choices.0",
        "message": "choices.0.message",
    },
    "messages": {"parts": "messages.0.content"},
    "responses": {"parts": "input.0.content"},
}
"""Short names for the places that most cases are about."""


def changed(base: Json, places: Json, api: str) -> Json:
    """A copy of ``base`` with these values at these places; null takes a key away."""
    body = copy.deepcopy(base)
    for place, value in places.items():
        *way, last = _steps(place, api)
        spot: Any = body
        for step in way:
            spot = spot[step] if isinstance(spot, list) else spot.setdefault(step, {})
        spot[last] = value
    return without_nulls(body)


def differences(base: Json, body: Json) -> Json:
    """The places whose values make ``body`` of ``base``, as few and as deep as they can be."""
    return dict(_differences(without_nulls(base), without_nulls(body), ""))


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in value]
    return value


def _steps(place: str, api: str) -> list[str | int]:
    head, _, rest = place.partition(".")
    whole = ALIASES[api].get(head, head) + (f".{rest}" if rest else "")
    return [int(step) if step.isdigit() else step for step in whole.split(".")]


def _differences(base: Any, body: Any, place: str) -> Iterator[tuple[str, Any]]:
    if base == body and type(base) is type(body):
        return
    prefix = f"{place}." if place else ""
    if isinstance(base, dict) and isinstance(body, dict) and base.get("type") == body.get("type"):
        for key in [*base, *(key for key in body if key not in base)]:
            yield from _differences(base.get(key), body.get(key), prefix + key)
    elif isinstance(base, list) and isinstance(body, list) and len(base) == len(body):
        for number, (old, new) in enumerate(zip(base, body, strict=True)):
            yield from _differences(old, new, f"{prefix}{number}")
    else:
        yield place, body
