"""Log probabilities of a reply's tokens, whose objects OpenAI's two APIs share.

Source: the types of the openai SDK (``responses/response_output_text.py``, ``chat/chat_completion_token_logprob.py``).
"""

from typing import Any

from wsgi_gateway.protocols.conversation import Json


def read_logprobs(given: Any) -> list[Json]:
    """In the form of ``events.Delta``, whatever a host bends or leaves out."""
    return [
        {**_one(token), "top_logprobs": _all(token.get("top_logprobs"))} for token in _of(given)
    ]


def _all(given: Any) -> list[Json]:
    return [_one(token) for token in _of(given)]


def _one(token: Json) -> Json:
    return {
        "token": token.get("token"),
        "logprob": token.get("logprob"),
        "bytes": token.get("bytes"),
    }


def _of(given: Any) -> list[Json]:
    return [token for token in given if isinstance(token, dict)] if isinstance(given, list) else []
