"""Names and ids that the other side cannot take, mapped one to one and back, for one request.

Tool names are limited to 64 characters of ``[A-Za-z0-9_-]`` on every API; namespaces and custom tools exist in
some only. Call ids of other alphabets or lengths get a stable substitute. Ids are hashed, not cut, so that two long
ones with a common beginning stay distinct.
"""

import hashlib
import re

from msgspec import Struct

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


class ToolName(Struct, frozen=True):
    """What the client calls a tool, and whether it declared it as a custom (freeform) one."""

    name: str
    namespace: str | None = None
    custom: bool = False

    def stands_for(self, name: str, namespace: str | None, custom: bool) -> bool:
        """Whether it is the same tool, and known to be a custom one if that is ``custom``."""
        same = self.name == name and self.namespace == namespace
        return same and (self.custom or not custom)


class Aliases:
    """Deterministic: the same request always gets the same aliases, so that prompt caches hold."""

    def __init__(self) -> None:
        self._tools: dict[str, ToolName] = {}
        self._call_ids: dict[str, str] = {}
        self.output_tool: str | None = None
        """The tool whose arguments are the answer itself, for models without structured output."""

    def reserve(self, alias: str) -> None:
        """Keep a name for a tool of the upstream's own: a client's tool of that name gets another."""
        self._tools.setdefault(alias, ToolName(alias, namespace=""))

    def tool(self, name: str, namespace: str | None = None, custom: bool = False) -> str:
        """The name for the upstream; remembered for the way back."""
        known = self._tools.get(name)
        if known is not None and known.stands_for(name, namespace, custom):
            return name
        full = f"{namespace}__{name}" if namespace else name
        alias = full if _NAME.fullmatch(full) else _shorten(full)
        known = self._tools.get(alias)
        if known is not None and (known.name, known.namespace) != (name, namespace):
            alias = _shorten(f"{namespace}/{name}" if namespace else name)
            known = self._tools.get(alias)
        if known is None or (custom and not known.custom):
            self._tools[alias] = ToolName(name, namespace, custom)
        return alias

    def knows_tool(self, alias: str) -> bool:
        """Whether the upstream was told of a tool by this name."""
        return alias in self._tools

    def restore_tool(self, alias: str) -> ToolName:
        return self._tools.get(alias) or ToolName(alias)

    def call_id(self, call_id: str) -> str:
        """The id for the upstream: the client's own where every API accepts it."""
        if _CALL_ID.fullmatch(call_id):
            return call_id
        alias = "call_" + hashlib.sha256(call_id.encode()).hexdigest()[:32]
        self._call_ids[alias] = call_id
        return alias

    def restore_call_id(self, alias: str) -> str:
        return self._call_ids.get(alias, alias)


def _shorten(name: str) -> str:
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_ILLEGAL.sub('_', name)[:55]}_{digest}"
