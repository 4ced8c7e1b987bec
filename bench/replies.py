"""What the canned upstream answers: JSON and event streams as the vendors send them.

Here: the bytes of the three APIs, in pieces that a paced upstream can send one by one. The shapes are those of
tests/golden, with one text. Not here: how they travel (canned_upstream.py, paced_upstream.py).
"""

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from bench.cases import Api

Json = dict[str, Any]

CREATED = 1_760_000_000
LAST_WORD = " evening."
"""Ends every text: a gateway that leaves out the last event is found out."""
_WORDS = (
    *(
        " the",
        " light",
        " of",
        " the",
        " sun",
        " is",
        " scattered",
        " by",
        " air",
        ",",
        " blue",
        " more",
    ),
    *(
        " than",
        " red",
        ";",
        " at",
        " dusk",
        " its",
        " path",
        " is",
        " longer",
        ".\n\n",
        " So",
        " what",
    ),
)


def words(count: int) -> list[str]:
    """The texts of a stream's events."""
    return [*(_WORDS[number % len(_WORDS)] for number in range(count - 1)), LAST_WORD]


class Reply(ABC):
    """One API's way to tell an answer of the model."""

    def __init__(self, model: str) -> None:
        self.model = model

    @abstractmethod
    def full(self, text: str) -> Json:
        """The answer at once."""

    @abstractmethod
    def opening(self) -> bytes:
        """The events before the text."""

    @abstractmethod
    def delta(self, number: int, text: str) -> bytes:
        """The event of a piece of text; they are numbered from 0."""

    @abstractmethod
    def closing(self, count: int, text: str) -> bytes:
        """The events after `count` pieces, which together were `text`."""

    def stream(self, pieces: list[str]) -> bytes:
        deltas = (self.delta(number, piece) for number, piece in enumerate(pieces))
        return b"".join((self.opening(), *deltas, self.closing(len(pieces), "".join(pieces))))


class ChatReply(Reply):
    USAGE: ClassVar[Json] = {
        "prompt_tokens": 31,
        "completion_tokens": 96,
        "total_tokens": 127,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }

    def _head(self, kind: str) -> Json:
        return {
            "id": "chatcmpl-CQ8cB4Vx2mXGfp0rTq1sWd7kLn3uH",
            "object": kind,
            "created": CREATED,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_560af6e559",
        }

    def full(self, text: str) -> Json:
        message: Json = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.USAGE}

    def _chunk(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame(self._head("chat.completion.chunk") | {"choices": [choice], "usage": None})

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def delta(self, number: int, text: str) -> bytes:  # noqa: ARG002 (chunks have no number)
        return self._chunk({"content": text})

    def closing(self, count: int, text: str) -> bytes:  # noqa: ARG002
        usage = self._head("chat.completion.chunk") | {"choices": [], "usage": self.USAGE}
        return self._chunk({}, "stop") + frame(usage) + b"data: [DONE]\n\n"


class MessagesReply(Reply):
    USAGE: ClassVar[Json] = {
        "input_tokens": 31,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 96,
    }

    def _message(self, content: list[Json], stop: str | None, output: int) -> Json:
        tokens = {**self.USAGE, "output_tokens": output, "service_tier": "standard"}
        return {
            "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": tokens,
        }

    def full(self, text: str) -> Json:
        return self._message([{"type": "text", "text": text}], "end_turn", 96)

    def opening(self) -> bytes:
        block = {"type": "text", "text": ""}
        return (
            named({"type": "message_start", "message": self._message([], None, 1)})
            + named({"type": "content_block_start", "index": 0, "content_block": block})
            + named({"type": "ping"})
        )

    def delta(self, number: int, text: str) -> bytes:  # noqa: ARG002 (deltas have no number)
        delta = {"type": "text_delta", "text": text}
        return named({"type": "content_block_delta", "index": 0, "delta": delta})

    def closing(self, count: int, text: str) -> bytes:  # noqa: ARG002
        end = {"stop_reason": "end_turn", "stop_sequence": None}
        return (
            named({"type": "content_block_stop", "index": 0})
            + named({"type": "message_delta", "delta": end, "usage": self.USAGE})
            + named({"type": "message_stop"})
        )


class ResponsesReply(Reply):
    ITEM = "msg_68e2f0a9c1b48190b3d5f2a7c4e6d8f00a1b2c3d4e5f6071"
    USAGE: ClassVar[Json] = {
        "input_tokens": 31,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 96,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 127,
    }

    def _response(self, status: str, output: list[Json]) -> Json:
        return {
            "id": "resp_68e2f0a8d7c08190a4c5e6f708192a3b0a1b2c3d4e5f6071",
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": False,
            "completed_at": CREATED if status == "completed" else None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": 1024,
            "max_tool_calls": None,
            "model": self.model,
            "output": output,
            "parallel_tool_calls": True,
            "presence_penalty": 0.0,
            "previous_response_id": None,
            "prompt_cache_key": None,
            "reasoning": {"effort": None, "summary": None},
            "safety_identifier": None,
            "service_tier": "default",
            "store": False,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": [],
            "top_logprobs": 0,
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": self.USAGE if status == "completed" else None,
            "user": None,
            "metadata": {},
        }

    def _item(self, text: str) -> Json:
        return {
            "id": self.ITEM,
            "type": "message",
            "status": "completed",
            "content": [self._part(text)],
            "role": "assistant",
        }

    @staticmethod
    def _part(text: str) -> Json:
        return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}

    def full(self, text: str) -> Json:
        return self._response("completed", [self._item(text)])

    def _event(self, kind: str, number: int, **fields: Any) -> bytes:
        return named({"type": f"response.{kind}", "sequence_number": number, **fields})

    def opening(self) -> bytes:
        running = self._response("in_progress", [])
        item = {**self._item(""), "status": "in_progress", "content": []}
        return (
            self._event("created", 0, response=running)
            + self._event("in_progress", 1, response=running)
            + self._event("output_item.added", 2, output_index=0, item=item)
            + self._event("content_part.added", 3, **self._place(), part=self._part(""))
        )

    def delta(self, number: int, text: str) -> bytes:
        kind = "output_text.delta"
        return self._event(kind, number + 4, **self._place(), delta=text, logprobs=[])

    def closing(self, count: int, text: str) -> bytes:
        last, item = count + 4, self._item(text)
        place = self._place()
        return (
            self._event("output_text.done", last, **place, text=text, logprobs=[])
            + self._event("content_part.done", last + 1, **place, part=self._part(text))
            + self._event("output_item.done", last + 2, output_index=0, item=item)
            + self._event("completed", last + 3, response=self.full(text))
        )

    def _place(self) -> Json:
        return {"item_id": self.ITEM, "output_index": 0, "content_index": 0}


REPLIES: dict[Api, type[Reply]] = {
    "chat_completions": ChatReply,
    "messages": MessagesReply,
    "responses": ResponsesReply,
}
ENDS: dict[Api, bytes] = {
    "chat_completions": b"data: [DONE]",
    "messages": b'"message_stop"',
    "responses": b'"response.completed"',
}
"""What only a stream that ended well contains."""


def frame(data: Json, event: str | None = None) -> bytes:
    """One server-sent event."""
    line = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return ((f"event: {event}\n" if event else "") + f"data: {line}\n\n").encode()


def named(event: Json) -> bytes:
    """An event of Messages or Responses, which is named by its type."""
    return frame(event, event["type"])
