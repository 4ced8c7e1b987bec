"""Which of two ways requests go in and out: the fast one, or the plain one that it is tested against.

Here: what the environment says. Not here: the ways (fast_lane.py, upstream/).
"""

from collections.abc import Mapping

_TRANSPORT, _FAST_LANE = "WSGI_GATEWAY_TRANSPORT", "WSGI_GATEWAY_FAST_LANE"


def transport(environ: Mapping[str, str]) -> str:
    """How providers are reached: "fast", or "urllib3" for requests' own adapter. Raises ValueError for another word."""
    return _one_of(environ, _TRANSPORT, "fast", "urllib3")


def has_fast_lane(environ: Mapping[str, str]) -> bool:
    """Whether the plainest requests pass Flask by. Raises ValueError for a word that is not "on" or "off"."""
    return _one_of(environ, _FAST_LANE, "on", "off") == "on"


def _one_of(environ: Mapping[str, str], name: str, default: str, other: str) -> str:
    word = environ.get(name) or default
    if word not in (default, other):
        raise ValueError(f"{name} is neither {default} nor {other}: {word}")
    return word
