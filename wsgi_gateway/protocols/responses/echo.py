"""The Response object before there is any output: it repeats what the client asked for.

All of its fields are there, whatever was said. Source: the Open Responses schema (2026-04-24, ``ResponseResource``) and
the types of the openai SDK (``responses/response.py``), with what they document for a request that is silent.
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Conversation, Json
from wsgi_gateway.protocols.service_tier import RESPONSES_TIERS

_SILENT: dict[str, Any] = {
    "id": "",
    "object": "response",
    "created_at": 0,
    "completed_at": None,
    "status": "in_progress",
    "background": False,
    "conversation": None,
    "error": None,
    "frequency_penalty": 0.0,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": "",
    "output": [],
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt": None,
    "prompt_cache_key": None,
    "prompt_cache_retention": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": None,
    "user": None,
}
_MADE = {"id", "object", "created_at", "completed_at", "status", "error", "incomplete_details"}
_MADE |= {"model", "output", "usage"}
_SHAPED = {"conversation", "prompt_cache_options", "reasoning", "service_tier", "text"}
_SHAPED |= {"tool_choice", "tools"}
_ECHOED = (_SILENT.keys() - _MADE - _SHAPED) | {"access_programs"}

# What an object that was given repeats where it is silent itself.
_INSIDE: dict[str, Json] = {
    "prompt_cache_options": {"mode": "implicit", "ttl": "30m"},
    "reasoning": _SILENT["reasoning"],
    "text": _SILENT["text"],
}
_FORMAT: Json = {"description": None, "strict": False}
# Nothing is enforced unasked, whatever the upstream: neither true nor false would be what was said.
_FUNCTION: Json = {"description": None, "parameters": None, "strict": None}
_NEEDED = _FUNCTION.keys()


def new_response(conversation: Conversation, response_id: str, created_at: int) -> Json:
    """In progress and without output. ``created_at`` is in seconds since 1970."""
    response = _SILENT.copy()
    for name, given in conversation.body.items():
        if given is None:
            continue
        if name in _ECHOED:
            response[name] = given
        elif name in _SHAPED:
            response[name] = _whole(name, given)
    response["id"] = response_id
    response["created_at"] = created_at
    response["model"] = conversation.model
    return response


def _whole(name: str, given: Any) -> Any:
    """What was given, with what the schema wants in it beyond that."""
    match name:
        case "tools":
            return [_function(tool) if tool.get("type") == "function" else tool for tool in given]
        case "tool_choice":
            is_open = isinstance(given, dict) and given.get("type") == "allowed_tools"
            return {"mode": "auto", **given} if is_open else given
        case "service_tier":
            # The tier that answers is told in the end; until then, no word that the schema does not know.
            return given if given in RESPONSES_TIERS - {"auto"} else "default"
        case "conversation":
            return {"id": given} if isinstance(given, str) else given
    said = {key: value for key, value in given.items() if value is not None}
    shape = said.get("format")
    if shape is not None and shape.get("type") == "json_schema":
        said["format"] = _FORMAT | {key: value for key, value in shape.items() if value is not None}
    return _INSIDE[name] | said


def _function(tool: Json) -> Json:
    return tool if tool.keys() >= _NEEDED else _FUNCTION | tool
