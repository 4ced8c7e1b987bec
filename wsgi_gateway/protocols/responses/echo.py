"""The Response object before there is any output: it repeats what the client asked for."""

from typing import Any

from wsgi_gateway.protocols.conversation import Conversation, Json

# What OpenAI fills in where a request is silent. Source: API reference, "The response object".
_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_ECHOED = _DEFAULTS.keys() | {"prompt_cache_options", "prompt_cache_retention"}
_REASONING = {"effort": None, "summary": None}
_TEXT = {"format": {"type": "text"}, "verbosity": "medium"}


def new_response(conversation: Conversation, response_id: str, created_at: int) -> Json:
    """In progress and without output. ``created_at`` is in seconds since 1970."""
    asked = _said(conversation.body)
    echo = _DEFAULTS | {name: asked[name] for name in asked.keys() & _ECHOED}
    if echo["service_tier"] == "auto":
        echo["service_tier"] = "default"
    return {
        "id": response_id,
        "object": "response",
        "created_at": created_at,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": conversation.model,
        "output": [],
        "reasoning": _REASONING | _said(asked.get("reasoning")),
        "text": _TEXT | _said(asked.get("text")),
        "usage": None,
        **echo,
    }


def _said(given: Json | None) -> Json:
    return {name: value for name, value in given.items() if value is not None} if given else {}
