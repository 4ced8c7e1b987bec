"""What the environment says of the master: its workers, how it ends, and whether it watches its config's file."""

from collections.abc import Mapping
from math import isfinite

_DELAY, _WATCH = "WSGI_GATEWAY_SHUTDOWN_DELAY", "WSGI_GATEWAY_WATCH"
_WORKERS = "WSGI_GATEWAY_WORKERS"


def worker_count(environ: Mapping[str, str]) -> int:
    """How many worker processes there are. Raises ValueError for what is no number of them."""
    word = environ.get(_WORKERS) or "1"
    if not (word.isascii() and word.isdecimal() and int(word)):
        raise ValueError(f"{_WORKERS} is not a number of workers: {word}")
    return int(word)


def shutdown_delay(environ: Mapping[str, str]) -> float:
    """Seconds for which a gateway that is not ready any more goes on to accept. Raises ValueError for what is none."""
    word = environ.get(_DELAY) or "0"
    try:
        seconds = float(word)
    except ValueError:
        seconds = -1.0
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(f"{_DELAY} is not a number of seconds: {word}")
    return seconds


def watches_config(environ: Mapping[str, str]) -> bool:
    """Whether a change of the config's file is applied unasked. Raises ValueError for another word than on or off."""
    word = environ.get(_WATCH) or "off"
    if word not in ("on", "off"):
        raise ValueError(f"{_WATCH} is neither on nor off: {word}")
    return word == "on"
