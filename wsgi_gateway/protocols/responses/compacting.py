"""What a compaction keeps of a history, what it has summarized, and how the model is asked for that.

Here: items in, items and a request out. Not here: the item that a client gets (``compaction``), whom to ask.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from wsgi_gateway.protocols.conversation import Conversation, Json, Message, Text, ToolChoice
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.responses.compaction import expanded, is_message, is_summary, kept

SUMMARY_TOKENS = 8192
"""The most that a summary may take, reasoning included."""

DEFAULT_THRESHOLD = 100_000
"""Input tokens beyond which a request without ``compact_threshold`` is compacted: within every usual context window."""

_MOST_KEPT = 7 * 1024 * 1024
"""Bytes of the items around a summary; sealed they stay below the 10 MiB that ``encrypted_content`` may have."""

# It goes behind the untouched history, tools and instructions included, so that a provider's prompt cache serves it. It
# says what the summary is for, since models else write for a human reader and leave out what they need themselves.
PROMPT = """\
Stop here: this conversation is about to be compacted. What you write now will stand in place of it, and whoever goes \
on with the work (you, or another model) will know nothing else of it. So do not answer, do not go on with the task, \
do not call tools, but write down all that is needed to go on as well as if nothing had been lost:

- What the user wants: the goal, every requirement, correction and preference, in their own words where those matter.
- What was found out, decided and done so far, with the reasons, and what was tried and failed.
- The exact names of things: files, paths, identifiers, commands, addresses, ids, figures, dates, error messages; and \
code or data word for word where it is still needed.
- Where the work stands: what is finished, what was being done just now, what is left, and what comes next.

If the conversation begins with an earlier summary, carry over what still matters of it. Say nothing that the \
conversation does not say. Write in its language, as briefly as this allows, and write nothing but the summary."""


class Plan(Struct):
    """``history`` is to be summarized; of it ``before`` stays as it was too, and so does ``after``, the newest turn."""

    history: list[Json]
    before: list[Json]
    after: list[Json]


def make_plan(given: list[Json], room: int) -> Plan | None:
    """How to compact the items of a request that is still to be answered. None if there is nothing to gain by it.

    ``room`` is how many bytes of earlier messages of the user's stay, see ``kept``. Raises ApiError for a compaction
    item that was damaged.
    """
    items = expanded(given)
    newest = _newest_turn(items)
    history, after = items[:newest], items[newest:]
    before = kept(history, room)
    summaries = sum(map(is_summary, history))
    if len(before) + summaries == len(history) or len(encode([before, after])) > _MOST_KEPT:
        return None
    return Plan(history, before, after)


def summary_request(conversation: Conversation, most_tokens: int) -> Conversation:
    """What to ask a model for a summary of ``conversation``; ``most_tokens`` is how long an answer it can give."""
    prompt = Message(role="user", parts=[Text(words=PROMPT)])
    return Conversation(
        api=conversation.api,
        model=conversation.model,
        instructions=conversation.instructions,
        items=[*conversation.items, prompt],
        tools=conversation.tools,
        tool_choice=ToolChoice(mode="none") if conversation.tools else None,
        max_output_tokens=min(SUMMARY_TOKENS, most_tokens),
        user_id=conversation.user_id,
        service_tier=conversation.service_tier,
        prompt_cache_key=conversation.prompt_cache_key,
        prompt_cache_options=conversation.prompt_cache_options,
        prompt_cache_retention=conversation.prompt_cache_retention,
        may_be_cut=conversation.may_be_cut,
        body=conversation.body,
    )


def _newest_turn(items: list[Json]) -> int:
    """Where the newest turn begins: what is to be answered, and with results of tools all that led to their calls."""
    start = _run(items, len(items), _is_of_client)
    missing = {_call_id(item) for item in items[start:] if _is_result(item)}
    while missing and start:
        end = _run(items, start, _is_of_client)
        start = _run(items, end, _is_of_model)
        missing -= {_call_id(item) for item in items[start:end]}
    return start


def _run(items: list[Json], end: int, belongs: Callable[[Json], bool]) -> int:
    """Where the items begin that belong together and end at ``end``."""
    while end and belongs(items[end - 1]):
        end -= 1
    return end


def _call_id(item: Json) -> Any:
    """Of a call or its result; the types give that of a ``local_shell_call_output`` another name."""
    return item.get("call_id") or item.get("id")


def _is_result(item: Json) -> bool:
    return str(item.get("type")).endswith("_output")


def _is_of_client(item: Json) -> bool:
    if is_message(item):
        return item.get("role") != "assistant"
    return _is_result(item) or item.get("type") == "additional_tools"


def _is_of_model(item: Json) -> bool:
    return not _is_of_client(item)
