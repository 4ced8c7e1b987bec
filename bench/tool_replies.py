"""What the canned upstream answers where the model calls a tool: the pieces of its text are those of the arguments.

Here: the three APIs' calls in the frames of replies.py, whose words are left out.
"""

from typing import Any, ClassVar

from bench.cases import Api
from bench.replies import ChatReply, Json, MessagesReply, Reply, ResponsesReply, frame, named

ARGUMENTS = ['{"path"', ': "src/', "module", '_17.py", ', '"limit": 200}']
NAME = "read_file"


class ChatCall(ChatReply):
    _CALL: ClassVar[Json] = {"id": "call_a1b2c3", "type": "function"}

    def full(self, text: str) -> Json:
        reply = super().full("")
        (choice,) = reply["choices"]
        call = {**self._CALL, "function": {"name": NAME, "arguments": text}}
        choice["message"] |= {"content": None, "tool_calls": [call]}
        choice["finish_reason"] = "tool_calls"
        return reply

    def opening(self) -> bytes:
        call = {"index": 0, **self._CALL, "function": {"name": NAME, "arguments": ""}}
        return self._chunk({"role": "assistant", "content": None, "tool_calls": [call]})

    def delta(self, number: int, text: str) -> bytes:  # noqa: ARG002
        return self._chunk({"tool_calls": [{"index": 0, "function": {"arguments": text}}]})

    def closing(self, count: int, text: str) -> bytes:  # noqa: ARG002
        usage = self._head("chat.completion.chunk") | {"choices": [], "usage": self.USAGE}
        return self._chunk({}, "tool_calls") + frame(usage) + b"data: [DONE]\n\n"


class MessagesCall(MessagesReply):
    _CALL: ClassVar[Json] = {"type": "tool_use", "id": "toolu_a1b2c3", "name": NAME}

    def full(self, text: str) -> Json:
        arguments = {"path": "src/module_17.py", "limit": 200} if text else {}
        return self._message([{**self._CALL, "input": arguments}], "tool_use", 96)

    def opening(self) -> bytes:
        block = {**self._CALL, "input": {}}
        return named({"type": "message_start", "message": self._message([], None, 1)}) + named(
            {"type": "content_block_start", "index": 0, "content_block": block}
        )

    def delta(self, number: int, text: str) -> bytes:  # noqa: ARG002
        delta = {"type": "input_json_delta", "partial_json": text}
        return named({"type": "content_block_delta", "index": 0, "delta": delta})

    def closing(self, count: int, text: str) -> bytes:  # noqa: ARG002
        end = {"stop_reason": "tool_use", "stop_sequence": None}
        return (
            named({"type": "content_block_stop", "index": 0})
            + named({"type": "message_delta", "delta": end, "usage": self.USAGE})
            + named({"type": "message_stop"})
        )


class ResponsesCall(ResponsesReply):
    ITEM = "fc_68e2f0a9c1b48190b3d5f2a7c4e6d8f00a1b2c3d4e5f6071"

    def _item(self, text: str) -> Json:
        call: Json = {"id": self.ITEM, "type": "function_call", "call_id": "call_a1b2c3"}
        return {**call, "name": NAME, "arguments": text, "status": "completed"}

    def opening(self) -> bytes:
        running = self._response("in_progress", [])
        item = {**self._item(""), "status": "in_progress"}
        return (
            self._event("created", 0, response=running)
            + self._event("in_progress", 1, response=running)
            + self._event("output_item.added", 2, output_index=0, item=item)
        )

    def delta(self, number: int, text: str) -> bytes:
        return self._event("function_call_arguments.delta", number + 3, **self._at(), delta=text)

    def closing(self, count: int, text: str) -> bytes:
        last, item = count + 3, self._item(text)
        done = {"name": NAME, "arguments": text}
        return (
            self._event("function_call_arguments.done", last, **self._at(), **done)
            + self._event("output_item.done", last + 1, output_index=0, item=item)
            + self._event("completed", last + 2, response=self.full(text))
        )

    def _at(self) -> dict[str, Any]:
        return {"item_id": self.ITEM, "output_index": 0}


CALLS: dict[Api, type[Reply]] = {
    "chat_completions": ChatCall,
    "messages": MessagesCall,
    "responses": ResponsesCall,
}
