"""Compaction: the history that is compacted, the model that sums it up, and what models are shown.

Here: what the tests of all ways to ask for one share. Not here: what is asserted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.asks import READERS, Text, Tool
from support.dialects import Clients
from support.pairs import reply_to
from support.streams import Answer, Api, Json, Usage
from support.upstream import Reply, Request

from wsgi_gateway.protocols.responses.compacting import PROMPT

TRANSLATED = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
SUMMARY = "They want Oslo's weather; get_weather said rain."
SUMMED_UP = Answer(SUMMARY, usage=Usage(4000, 0, 0, 90, 0))
ANSWER = Answer("Take an umbrella.", "It rains.")
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": Tool("get_weather", "", ("city",)).schema,
    "strict": False,
}
RULES = {"role": "developer", "content": "Answer briefly."}
QUESTION = {"role": "user", "content": [{"type": "input_text", "text": "How is Oslo?"}]}
CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"city":"Oslo"}',
}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "rain " * 1200}
SAID = {"role": "assistant", "content": "It rains in Oslo."}
NEXT = {"role": "user", "content": "And tomorrow?"}
HISTORY = [RULES, QUESTION, CALL, RESULT, SAID]
TRIGGER = {"type": "compaction_trigger"}
AT_1000 = [{"type": "compaction", "compact_threshold": 1000}]


def model(api: Api) -> Callable[[Request], Reply]:
    """An upstream's model, which sums up when it is asked to."""

    def reply(request: Request) -> Reply:
        asks_for_summary = json.dumps(PROMPT)[1:-1] in request.body.decode()
        return reply_to(request, api, SUMMED_UP if asks_for_summary else ANSWER)

    return reply


def shown(request: Request, api: Api) -> list[str]:
    """What the model is shown as text, instructions and the user's side only, in order."""
    ask = READERS[api](request.json)
    said = [part.text for turn in ask.turns for part in turn.parts if isinstance(part, Text)]
    return [*ask.system.splitlines(), *said]


def create(clients: Clients, stream: bool, **body: Any) -> Json:
    """The SDK's own response, as the dict that it sends back."""
    if not stream:
        return clients.openai.responses.create(**body).to_dict()  # type: ignore[no-any-return]
    with clients.openai.responses.stream(**body) as events:
        return events.get_final_response().to_dict()  # type: ignore[no-any-return]
