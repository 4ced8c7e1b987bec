"""What clients may put into an upstream's URL: one step of its path, and parameters that the config does not set.

Where the URL begins is the config's alone.
"""

from urllib.parse import parse_qsl, quote, urlencode

_WAYS = (".", "..")
"""No names but ways: servers and proxies follow them, however they are written."""


def is_step(text: str) -> bool:
    """Whether it can be one step of a path."""
    return text not in _WAYS


def path_step(text: str) -> str:
    """``text``, which ``is_step``, as it is written in a path."""
    return quote(text, safe="")


def added_query(url: str, query: str) -> str:
    """Those parameters of a client's ``query`` that ``url`` does not have itself, as they are written behind it.

    All of them, in their order: a list is a name that comes again, as in OpenAI's ``include[]=a&include[]=b``.
    """
    own = {name.lower() for name, _ in parse_qsl(url.partition("?")[2])}
    pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
    return urlencode([pair for pair in pairs if pair[0].lower() not in own], encoding="latin-1")
