"""The record of what one translation could not carry exactly.

Every mapping decision that is not exact is noted here by the code that makes it. The client reads the
record in ``x-gateway-warning``. What would change the meaning of the request is refused instead.
"""

from typing import Literal, NoReturn

from msgspec import Struct

from wsgi_gateway.protocols.errors import ApiError

Verdict = Literal["approximated", "dropped"]

# The names under which each API knows the fields that the conversation model names otherwise.
FIELD_NAMES: dict[str, dict[str, str]] = {
    "chat_completions": {
        "max_output_tokens": "max_completion_tokens",
        "reasoning": "reasoning_effort",
        "output_format": "response_format",
        "user_id": "safety_identifier",
        "instructions": "messages",
        "items": "messages",
    },
    "messages": {
        "max_output_tokens": "max_tokens",
        "stop": "stop_sequences",
        "reasoning": "thinking",
        "output_format": "output_config.format",
        "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
        "user_id": "metadata.user_id",
        "instructions": "system",
        "items": "messages",
    },
    "responses": {
        "output_format": "text.format",
        "verbosity": "text.verbosity",
        "user_id": "safety_identifier",
        "items": "input",
    },
}


class Entry(Struct, frozen=True):
    """``path`` is in the client's own terms; ``note`` says what was done, and why if that is not plain."""

    path: str
    verdict: Verdict
    note: str


class Loss:
    """Collects entries for one request from a client of ``api``."""

    def __init__(self, api: str) -> None:
        self._names = FIELD_NAMES[api]
        self.entries: list[Entry] = []

    def approximated(self, field: str, note: str) -> None:
        """The other API has something near, which was used."""
        self._add(field, "approximated", note)

    def dropped(self, field: str, note: str = "no such field upstream") -> None:
        """A hint that changes cost or speed only, or a field that nobody knows: left out."""
        self._add(field, "dropped", note)

    def refuse(self, field: str, why: str) -> NoReturn:
        """Raise the 400 that names the field: carrying on would change what the client asked for."""
        path = self._path(field)
        raise ApiError(
            "invalid_request", f"{path}: {why}", param=path, code="unsupported_parameter"
        )

    def header(self) -> str | None:
        """The value of ``x-gateway-warning``, None if all was exact. ASCII only, at most ~4 KiB."""
        if not self.entries:
            return None
        value = ", ".join(f"{entry.path};{entry.verdict}: {entry.note}" for entry in self.entries)
        value = value.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
        return value if len(value) <= 4096 else value[:4080] + " ... and more"

    def _add(self, field: str, verdict: Verdict, note: str) -> None:
        entry = Entry(self._path(field), verdict, note)
        if entry not in self.entries:
            self.entries.append(entry)

    def _path(self, field: str) -> str:
        head, dot, rest = field.partition(".")
        return self._names.get(field) or self._names.get(head, head) + dot + rest
