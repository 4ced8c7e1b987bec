"""What else must change in a native request that passes through, once blocks that only we can read were taken out.

Not here: which blocks these are (protocols/seal.py), requests that are translated (request_writer).
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.blocks_writer import text_block
from wsgi_gateway.protocols.messages.turns import tool_loop_lacks_thinking


def without_unfounded_thinking(body: Json, loss: Loss) -> Json:
    """``body`` without ``thinking`` where the API would refuse to think with a budget, for want of earlier thoughts.

    What else asks for it goes with it: "`clear_thinking_20251015` strategy requires `thinking` to be enabled".
    Nothing is known of ``body``: what cannot be read is left for the API to refuse.
    """
    try:
        is_unfounded = body["thinking"]["type"] == "enabled" and tool_loop_lacks_thinking(
            [_in_blocks(message) for message in body["messages"]]
        )
    except (LookupError, TypeError):
        return body
    if not is_unfounded:
        return body
    loss.approximated(
        "reasoning", "switched off: the history's tool calls came without their thinking"
    )
    kept = {name: value for name, value in body.items() if name != "thinking"}
    management = kept.get("context_management")
    if isinstance(management, dict) and isinstance(management.get("edits"), list):
        edits = [edit for edit in management["edits"] if not _clears_thinking(edit)]
        kept["context_management"] = {**management, "edits": edits}
    return kept


def _in_blocks(message: Json) -> Json:
    content = message["content"]
    return {**message, "content": [text_block(content)]} if isinstance(content, str) else message


def _clears_thinking(edit: Any) -> bool:
    return isinstance(edit, dict) and str(edit.get("type")).startswith("clear_thinking_")
