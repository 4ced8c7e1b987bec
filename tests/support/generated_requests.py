"""Generated requests: conversations that a dialect can express, and bodies that are nearly right.

Here: what is drawn, per API, in the form in which its reader gives it. Not here: replies (generated_replies.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from support.dice import JUNK, Dice
from support.streams import Api, Json

from wsgi_gateway.protocols import chat_completions, messages, responses
from wsgi_gateway.protocols.conversation import (
    Audio,
    Conversation,
    Document,
    Image,
    Item,
    Message,
    OutputFormat,
    Part,
    Proof,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from wsgi_gateway.protocols.decoding import encode

MODEL = "bare-model"
"""The one of ``support.events.translation``."""

CAPABILITIES: dict[Api, Json] = {
    "chat_completions": {"openai_fields": True, "custom_tools": True, "cache_breakpoints": True},
    "messages": {"structured_output": True, "strict_tools": True, "system_messages": True},
    "responses": {"openai_fields": True, "custom_tools": True, "cache_breakpoints": True},
}
"""Of the models for which everything that is drawn has a form."""

_PNG = "iVBORw0KGgo="
_PDF = "JVBERi0xLjcK"
_EPHEMERAL: Json = {"type": "ephemeral"}
_SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
_ARGUMENTS = ("{}", '{"city":"Oslo"}', '{"deep":{"list":[1,null,"}{"]}}')
"""Compact, as objects come out of the reader."""


def draw_conversation(dice: Dice, api: Api) -> Conversation:
    """A conversation that requests of ``api`` can express."""
    draw = _Draw(dice, api)
    conversation = Conversation(
        api=api,
        model=MODEL,
        stream=dice.chance(2),
        instructions=draw.instructions(),
        items=draw.items(),
    )
    draw.tools(conversation)
    _OPTIONS[api](conversation, dice)
    return conversation


class _Draw:
    def __init__(self, dice: Dice, api: Api) -> None:
        self._dice = dice
        self._api = api
        self._calls = 0
        self._caches = 0

    def instructions(self) -> list[Text]:
        if self._api == "chat_completions" or self._dice.chance(2):
            return []
        if self._api == "responses":
            return [Text(words=self._dice.text())]
        return [self._text() for _ in range(1 + self._dice.below(2))]

    def items(self) -> list[Item]:
        """Turns of the user's and the assistant's; the last word is the user's."""
        items: list[Item] = []
        if self._api == "chat_completions" and self._dice.chance(3):
            items.append(self._rules())
        for _ in range(self._dice.below(3)):
            items += [self._user(), *self._assistant()]
        if items and isinstance(items[-1], ToolResult):
            return items
        items.append(self._user())
        if self._api != "messages" and self._dice.chance(4):
            items.append(self._rules())
        return items

    def _rules(self) -> Message:
        """Responses tells those at the very beginning as ``instructions``, and those of later turns like this."""
        return Message(role="developer", parts=[Text(words=self._dice.text())])

    def _user(self) -> Message:
        name = self._dice.maybe("ann", 6) if self._api == "chat_completions" else None
        parts = [self._user_part() for _ in range(1 + self._dice.below(3))]
        return Message(role="user", parts=parts, name=name)

    def _user_part(self) -> Part:
        dice = self._dice
        match dice.below(6):
            case 3:
                return self._image()
            case 4:
                return self._document()
            case 5 if self._api == "chat_completions":
                return Audio(data="UklGRg==", format=dice.pick(("wav", "mp3")))
        return self._text()

    def _text(self) -> Text:
        return Text(words=self._dice.text(), cache=self._cache())

    def _cache(self) -> Json | None:
        """Four breakpoints are what the API takes."""
        if self._api != "messages" or self._caches == 4 or not self._dice.chance(8):
            return None
        self._caches += 1
        return dict(_EPHEMERAL)

    def _image(self) -> Image:
        detail = None
        if self._api != "messages":
            detail = self._dice.pick(("auto", "low", "high"))
        if self._dice.chance(2):
            return Image(url="https://example.org/a.png", detail=detail, cache=self._cache())
        return Image(data=_PNG, media_type="image/png", detail=detail, cache=self._cache())

    def _document(self) -> Document:
        dice = self._dice
        kind = dice.below(3)
        if kind == 1 and self._api != "chat_completions":
            name = dice.maybe("a.pdf") if self._api == "messages" else None
            return Document(url="https://example.org/a.pdf", filename=name, cache=self._cache())
        if kind == 2 and self._api == "messages":
            return Document(text=dice.text(), filename=dice.maybe("a.txt"), cache=self._cache())
        return Document(
            data=_PDF, media_type="application/pdf", filename="a.pdf", cache=self._cache()
        )

    def _assistant(self) -> list[Item]:
        """Thoughts, an answer, calls and their results, of each maybe none, but not nothing at all."""
        dice = self._dice
        calls = [self._call() for _ in range(dice.below(3))]
        items: list[Item] = []
        if self._api != "chat_completions" and dice.chance(2):
            items.append(self._thought())
        if not calls or dice.chance(2):
            items.append(self._answer())
        return [*items, *calls, *(self._result(call) for call in calls)]

    def _thought(self) -> Reasoning:
        text, number = self._dice.text(), self._calls
        if self._api == "responses":
            proof = Proof(kind="encrypted", value="gAAA=", item_id=f"rs_{number}")
            return Reasoning(text=self._dice.pick((text, "")), proof=proof)
        if self._dice.chance(3):
            return Reasoning(proof=Proof(kind="redacted", value="cmVk"))
        return Reasoning(text=text, proof=Proof(kind="signature", value="c2ln"))

    def _answer(self) -> Message:
        most = 1 if self._api == "chat_completions" else 2  # Chat has one string for it
        parts: list[Part] = [self._text() for _ in range(1 + self._dice.below(most))]
        if self._api != "messages" and self._dice.chance(6):
            parts = [Refusal(text=self._dice.text())]
        phase = self._dice.maybe("commentary", 4) if self._api == "responses" else None
        return Message(role="assistant", parts=parts, phase=phase)

    def _call(self) -> ToolCall:
        self._calls += 1
        call_id = f"call_{self._calls}"
        if self._api != "messages" and self._dice.chance(4):
            text = self._dice.text()
            return ToolCall(id=call_id, name="apply_patch", arguments=text, custom=True)
        return ToolCall(id=call_id, name="get_weather", arguments=self._dice.pick(_ARGUMENTS))

    def _result(self, call: ToolCall) -> ToolResult:
        dice = self._dice
        parts: list[Part] = [Text(words=dice.text())]
        if self._api == "messages":
            parts = [self._result_part() for _ in range(dice.below(3))]
            error = dice.chance(4)
            return ToolResult(call_id=call.id, parts=parts, is_error=error, cache=self._cache())
        if self._api == "responses" and dice.chance(3):
            parts.append(self._image())
        return ToolResult(call_id=call.id, parts=parts)

    def _result_part(self) -> Part:
        return self._image() if self._dice.chance(3) else self._text()

    def tools(self, conversation: Conversation) -> None:
        """Declares what the history calls, and maybe chooses."""
        dice = self._dice
        if not any(isinstance(item, ToolCall) for item in conversation.items) and dice.chance(2):
            return
        strict = dice.pick((True, False)) if self._api == "responses" else dice.maybe(True)
        function = Tool(
            name="get_weather",
            description=dice.maybe("Weather of a city"),
            parameters=dict(_SCHEMA),
            strict=strict,
            cache=self._cache(),
        )
        conversation.tools = [function]
        if self._api != "messages":
            grammar = {"syntax": "lark", "definition": 'start: "a"'}
            custom = Tool(name="apply_patch", custom=True, grammar=dice.maybe(grammar))
            conversation.tools.append(custom)
        conversation.tool_choice = self._choice()
        may_be_serial = conversation.tool_choice is None or conversation.tool_choice.mode != "none"
        if self._api == "messages":
            serial = conversation.tool_choice is not None and may_be_serial and dice.chance(3)
            conversation.parallel_tool_calls = False if serial else None
        else:
            conversation.parallel_tool_calls = dice.pick((None, True, False))

    def _choice(self) -> ToolChoice | None:
        match self._dice.below(6):
            case 1:
                return ToolChoice(mode="auto")
            case 2:
                return ToolChoice(mode="required")
            case 3:
                return ToolChoice(mode="none")
            case 4:
                return ToolChoice(mode="tool", name="get_weather")
            case 5 if self._api == "responses":
                return ToolChoice(mode="auto", allowed=["get_weather"])
        return None


# --- the other fields


def _set_some(conversation: Conversation, dice: Dice, values: Json) -> None:
    for name, value in values.items():
        if dice.chance(3):
            setattr(conversation, name, value)


_OPENAI: Json = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_output_tokens": 100,
    "verbosity": "low",
    "user_id": "user-1",
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "prompt_cache_key": "key-1",
}


def _openai_format(conversation: Conversation, dice: Dice) -> None:
    schema = OutputFormat(
        type="json_schema", name="city", description="A city", schema=dict(_SCHEMA), strict=True
    )
    kinds = (None, None, OutputFormat(type="text"), OutputFormat(type="json_object"), schema)
    conversation.output_format = dice.pick(kinds)


def _chat_options(conversation: Conversation, dice: Dice) -> None:
    chat: Json = {
        "stop": ["END"],
        "seed": 7,
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "logit_bias": {"1": 5},
        "logprobs": True,
    }
    _set_some(conversation, dice, {**_OPENAI, **chat})
    if conversation.logprobs and dice.chance(2):
        conversation.top_logprobs = 2
    if dice.chance(3):
        conversation.reasoning = ReasoningOptions(effort=dice.pick(("low", "medium", "high")))
    _openai_format(conversation, dice)
    conversation.include_usage = conversation.stream


def _responses_options(conversation: Conversation, dice: Dice) -> None:
    _set_some(conversation, dice, _OPENAI)
    if dice.chance(3):
        summary = dice.pick((None, "auto", "detailed"))
        conversation.reasoning = ReasoningOptions(effort="high", summary=summary)
    _openai_format(conversation, dice)


def _messages_options(conversation: Conversation, dice: Dice) -> None:
    conversation.max_output_tokens = 5000
    calls = any(isinstance(item, ToolCall) for item in conversation.items)
    thinks = dice.chance(3) and not calls  # behind calls that came without thoughts it may not
    fields: Json = {"stop": ["END"], "user_id": "user-1", "service_tier": "default"}
    _set_some(conversation, dice, fields)
    if thinks:
        conversation.reasoning = ReasoningOptions(mode="enabled", budget_tokens=2048)
        choice = conversation.tool_choice
        if choice is not None and choice.mode in ("required", "tool"):
            conversation.tool_choice = conversation.parallel_tool_calls = None
    else:
        _set_some(conversation, dice, {"top_k": 5})
        if dice.chance(2):
            conversation.temperature = 0.5
        elif dice.chance(2):
            conversation.top_p = 0.9
    if dice.chance(4):
        conversation.output_format = OutputFormat(type="json_schema", schema=dict(_SCHEMA))


_OPTIONS: dict[Api, Callable[[Conversation, Dice], None]] = {
    "chat_completions": _chat_options,
    "messages": _messages_options,
    "responses": _responses_options,
}


# --- bodies that are nearly right


_OF_SCHEMAS = (
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "enum",
    "format",
    "items",
    "minItems",
    "oneOf",
    "properties",
    "required",
)


def _fields() -> list[str]:
    """Every name that the wires know, in requests and in replies, and those that are looked for in JSON schemas."""
    shapes = (
        value
        for module in (chat_completions.wire, messages.wire, messages.reply_wire, responses.wire)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Struct)
    )
    return sorted({*_OF_SCHEMAS, *(name for shape in shapes for name in shape.__struct_fields__)})


FIELDS = _fields()


def spoiled(body: Any, dice: Dice) -> Any:
    """The body with some of its values replaced, removed or repeated, anywhere."""
    value = json.loads(encode(body))
    for _ in range(1 + dice.below(3)):
        value = _spoil(value, dice)
    return value


def _spoil(value: Any, dice: Dice) -> Any:
    if isinstance(value, dict) and value and not dice.chance(5):
        name = dice.pick(sorted(value))
        match dice.below(8):
            case 6:
                return {key: entry for key, entry in value.items() if key != name}
            case 7:
                return {**value, dice.pick(FIELDS): dice.json()}
        return {**value, name: _spoil(value[name], dice)}
    if isinstance(value, list) and value and not dice.chance(5):
        at = dice.below(min(len(value), 255))
        again = value[at : at + 1] if dice.chance(8) else []
        return [*value[:at], _spoil(value[at], dice), *again, *value[at + 1 :]]
    return dice.pick(JUNK) if dice.chance(2) else dice.json()
