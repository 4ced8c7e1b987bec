"""Output items and their parts as the wire writes them, for streams and full replies alike."""

from wsgi_gateway.protocols.conversation import Json, Proof
from wsgi_gateway.protocols.events import PartStarted
from wsgi_gateway.protocols.seal import seal

PHASES = ("commentary", "final_answer")
"""The phases of a message that clients know; some fail at any other."""


def refusal(text: str) -> Json:
    return {"type": "refusal", "refusal": text}


def output_text(text: str, annotations: list[Json], logprobs: list[Json]) -> Json:
    return {"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text}


def message(item_id: str, content: list[Json], status: str, phase: str | None) -> Json:
    item: Json = {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }
    return item if phase is None else item | {"phase": phase}


def summary_part(text: str) -> Json:
    return {"type": "summary_text", "text": text}


def reasoning(item_id: str, text: str, proof: Proof | None, status: str) -> Json:
    """What its provider wants back is sealed into ``encrypted_content``, which OpenAI too sends unasked.

    So is the want of any proof: LangChain and Vercel's AI SDK send back no thought whose field is empty.
    """
    item: Json = {
        "id": item_id,
        "type": "reasoning",
        "summary": [summary_part(text)] if text else [],
        "status": status,
    }
    if text or (proof is not None and proof.kind != "none"):
        item["encrypted_content"] = seal(proof or Proof(kind="none"))
    return item


def tool_call(item_id: str, call: PartStarted, text: str, status: str) -> Json:
    """A ``function_call``, or a ``custom_tool_call`` where the client declared a custom tool."""
    item: Json = {
        "id": item_id,
        "type": "custom_tool_call" if call.custom else "function_call",
        "status": status,
        "input" if call.custom else "arguments": text,
        "call_id": call.id,
        "name": call.name,
    }
    if call.namespace is not None:
        item["namespace"] = call.namespace
    return item


def web_search_call(item_id: str, action: Json, status: str) -> Json:
    return {"id": item_id, "type": "web_search_call", "status": status, "action": action}


def compaction(item_id: str, token: str) -> Json:
    return {"id": item_id, "type": "compaction", "encrypted_content": token}
