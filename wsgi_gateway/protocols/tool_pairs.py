"""A history's tool calls and their results: each call has one result, under an id that no other call has.

Here: which belong together, and under what id. Not here: where results stand, which each API says.
"""

from wsgi_gateway.protocols.conversation import ToolCall, ToolResult
from wsgi_gateway.protocols.translation import Translation


class ToolPairs:
    """Hears a history's calls and results in their order. All methods raise ApiError where these do not pair up."""

    def __init__(self, translation: Translation) -> None:
        self._aliases = translation.aliases
        self._loss = translation.loss
        self._open: dict[str, tuple[str, ToolCall]] = {}
        self._uses: dict[str, int] = {}

    def call(self, call: ToolCall) -> str:
        """Its id for the upstream. Ids that a host counts anew each turn are told apart."""
        if call.id in self._open:
            self._loss.refuse(call, f"two tool calls have the id {call.id!r}")
        call_id = self._unique(self._aliases.call_id(call.id))
        self._open[call.id] = call_id, call
        return call_id

    def _unique(self, call_id: str) -> str:
        unique = call_id
        while unique in self._uses:
            used = self._uses[call_id] = self._uses[call_id] + 1
            unique = self._aliases.call_id(f"{call_id}_{used}")
        self._uses[unique] = 1
        return unique

    def result(self, result: ToolResult) -> tuple[str, ToolCall]:
        """The call that it answers, and that one's id for the upstream."""
        pair = self._open.pop(result.call_id, None)
        if pair is None:
            self._loss.refuse(result, f"a tool result for {result.call_id!r} answers no open call")
        return pair

    def check(self) -> None:
        """At the end: that every call has its result."""
        for _, call in self._open.values():
            self._loss.refuse(call, f"the tool call {call.id!r} has no result")
