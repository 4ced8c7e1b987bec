"""The content blocks and the ending of a reply that a Messages client gets, streamed or full.

What a provider wants back with its reasoning goes into the field that clients return unread:
``signature`` of a thinking block, or ``data`` of a redacted one where there is nothing to read. A
custom tool's free text, which Messages does not have, becomes an input of one field.
"""

import msgspec

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.conversation import Conversation, Json, Proof
from wsgi_gateway.protocols.custom_tools import wrapped_input
from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.events import Finished, FinishReason, PartKind, PartStarted
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.messages.citations import source_list
from wsgi_gateway.protocols.reply import Reply, ReplyPart
from wsgi_gateway.protocols.seal import seal

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "stop_sequence": "stop_sequence",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "context_window": "model_context_window_exceeded",
    "content_filter": "refusal",
    "pause": "pause_turn",
}


def write_block(part: ReplyPart, is_json: bool, loss: Loss) -> Json | None:
    """A complete content block; None for a part that says nothing, or that Messages does not know."""
    note_start(part, loss)
    if part.logprobs:
        note_logprobs(loss)
    match part.kind:
        case "text" | "refusal":
            return _text_block(part, is_json, loss) if part.text else None
        case "reasoning":
            return reasoning_block(part.text, part.proof)
        case "tool_call":
            arguments = wrapped_input(part.text) if part.custom else part.text
            return {**call_block(part), "input": _input(arguments, loss)}
        case "web_search" | "compaction":
            return None


def _text_block(part: ReplyPart, is_json: bool, loss: Loss) -> Json:
    return {"type": "text", "text": part.text + source_list(part.annotations, is_json, loss)}


def note_start(part: ReplyPart | PartStarted, loss: Loss) -> None:
    """Tell what of a part is known to be lost when it starts."""
    if part.phase:
        loss.dropped("reply.phase")
    if part.kind == "web_search":
        loss.approximated("reply.web_search", "what the upstream searched was left out")
    if part.kind == "refusal":
        loss.approximated("reply.refusal", "became text, and the stop reason tells it")


def note_logprobs(loss: Loss) -> None:
    loss.dropped("reply.logprobs", "the client's API has none")


def is_json(conversation: Conversation) -> bool:
    """Whether the client asked for an answer that is JSON and nothing else."""
    wanted = conversation.output_format
    return wanted is not None and wanted.type != "text"


def call_block(part: ReplyPart | PartStarted) -> Json:
    """The start of a tool call, its id within Messages' alphabet: clients send it back as it is."""
    call_id = Aliases().call_id(part.id)
    return {"type": "tool_use", "id": call_id, "name": part.name, "input": {}}


def _input(arguments: str, loss: Loss) -> Json | msgspec.Raw:
    """The arguments verbatim; what is no JSON object (cut short, or plain wrong) under ``_raw``."""
    if parse_arguments(arguments) is None:
        loss.approximated("reply.tool_calls", "arguments that are no JSON object went into _raw")
        return {"_raw": arguments}
    return msgspec.Raw(arguments.encode()) if arguments.strip() else {}


def reasoning_block(text: str, proof: Proof | None) -> Json | None:
    kind = proof.kind if proof else "none"
    if not text and kind == "none":
        return None
    if not text and kind != "signature":
        return {"type": "redacted_thinking", "data": signature_of(proof)}
    return {"type": "thinking", "thinking": text, "signature": signature_of(proof)}


def signature_of(proof: Proof | None) -> str:
    """Messages' own as it is, another API's sealed; never empty, as clients insist on one."""
    if proof is not None and proof.kind in ("signature", "redacted") and proof.value:
        return proof.value
    return seal(proof or Proof(kind="none"))


def write_ending(ended: Reply | Finished, kinds: set[PartKind]) -> Json:
    """A refusal in the model's own words is told by the reason, as Messages has no block for it."""
    reason = ended.reason
    stop_reason = _REASONS[reason]
    if reason == "stop_sequence" and ended.stop_sequence is None:
        stop_reason = "end_turn"
    elif reason == "stop" and "refusal" in kinds:
        stop_reason = "refusal"
    ending: Json = {"stop_reason": stop_reason, "stop_sequence": None}
    if stop_reason == "stop_sequence":
        ending["stop_sequence"] = ended.stop_sequence
    if stop_reason == "refusal":
        ending["stop_details"] = {
            "type": "refusal",
            "category": ended.category,
            "explanation": ended.explanation,
        }
    return ending
