"""``$VAR`` in a config's texts, and the .env file beside it.

Which texts are expanded is decided by the checker; no variable is read here that a text does not name.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from wsgi_gateway.config.problems import Report, shown

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<bare>[A-Za-z_]\w*)"
    r"|\{(?P<braced>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}|(?P<broken>\{))",
    re.ASCII,
)
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)", re.ASCII)
_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


class Expansion(Struct, frozen=True):
    """A text with its variables replaced. ``changed`` is false if it named none."""

    text: str
    changed: bool = False
    unset: tuple[str, ...] = ()
    broken: bool = False
    """Whether a ``${`` is not followed by a name and ``}``."""


def expand(text: str, environ: Mapping[str, str]) -> Expansion:
    """``$VAR``, ``${VAR}`` and ``${VAR:-default}`` replaced; ``$$`` is a dollar.

    As in a shell, the default also stands in for a variable that is set but empty. A dollar before anything else
    stays. Nothing in a variable's value or a default is expanded again.
    """
    unset: list[str] = []
    broken = False

    def replacement(match: re.Match[str]) -> str:
        nonlocal broken
        if match["dollar"]:
            return "$"
        if match["broken"]:
            broken = True
            return ""
        name = match["bare"] or match["braced"]
        if match["default"] is not None:
            return environ.get(name) or match["default"]
        if name not in environ:
            unset.append(name)
        return environ.get(name, "")

    expanded, count = _REFERENCE.subn(replacement, text)
    return Expansion(expanded, count > 0, tuple(dict.fromkeys(unset)), broken)


def read_dotenv(text: str, report: Report) -> dict[str, str]:
    """The variables of a .env file: ``NAME=value`` lines, optionally after ``export`` or in quotes, and # comments.

    A line of another form is a warning that does not quote the line: it may hold a key.
    """
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(line)
        if assignment is None:
            report.warning((), "line ignored: it is not NAME=value", line=number)
            continue
        name, value = assignment.groups()
        quoted = _QUOTED.fullmatch(value)
        found[name] = quoted[2] if quoted else re.split(r"\s#", value, maxsplit=1)[0].strip()
    return found


def unset_message(name: str) -> str:
    return f"environment variable {shown(name)} is not set"
