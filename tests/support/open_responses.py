"""Judge of single objects of the Responses API: what the published schemas say of each field.

Here: the Open Responses schema (2026-04-24, as the types of openresponses-types) and the openai SDK's types, both to
the letter. What only OpenAI's API has (its own items, tools, events, annotations) is no part of the first and is held
against the second. Not here: the order of events (responses_judge.py).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any, get_args

import openresponses_types as published
from openai.types.responses import Response, ResponseStreamEvent
from openresponses_types import CompactResource, ReasoningEffortEnum, ResponseResource
from pydantic import BaseModel, ValidationError
from support.sdk_types import variants
from support.streams import Json

Models = dict[str, type[BaseModel]]

_ITEMS = {"message", "function_call", "function_call_output", "reasoning", "compaction"}
_TOOL_CHOICES = {"function", "allowed_tools"}


def _by_type(models: Iterable[type[BaseModel]]) -> Models:
    """``type`` is a Literal, or an enumeration of one."""
    types: dict[type[BaseModel], Any] = {
        model: model.model_fields["type"].annotation for model in models
    }
    return {str(next(iter(get_args(kind) or kind))): model for model, kind in types.items()}


_EVENTS: Models = _by_type(
    model for name, model in vars(published).items() if name.endswith("StreamingEvent")
)
_SDK_EVENTS: Models = _by_type(variants(ResponseStreamEvent))


def check_event(event: Json) -> None:
    """Asserts that it is one of the events that clients know, with all of its fields."""
    kind = event["type"]
    assert kind in _SDK_EVENTS, f"unknown event {kind}"
    _strictly(kind, _SDK_EVENTS[kind], _without_own_error_codes(event))
    if kind in _EVENTS:
        _check_nulls(kind, _strictly(kind, _EVENTS[kind], _without_openais_own(event)))


def check_response(response: Json) -> None:
    """Asserts that it is a response object, with all of its fields."""
    _strictly("response", Response, _without_own_error_codes(response))
    reduced = _without_openais_own(response)
    _check_nulls("response", _strictly("response", ResponseResource, reduced))


def check_compaction(compacted: Json) -> None:
    """Asserts that it is a compacted response, with all of its fields."""
    _check_nulls("compaction", _strictly("compaction", CompactResource, compacted))


def _strictly(what: str, model: type[BaseModel], value: Json) -> BaseModel:
    data = json.dumps(value)
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise AssertionError(f"{what}: {error}\n{data}") from None


def _check_nulls(path: str, value: Any) -> None:
    """The types let any optional field be null; the schema wants it to be absent."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            field = type(value).model_fields[name]
            told = getattr(value, name)
            assert told is not None or field.is_required(), f"{path}.{name} is null"
            _check_nulls(f"{path}.{name}", told)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_nulls(f"{path}[{index}]", inner)


# --- what is not compared


def _without_own_error_codes(value: Json) -> Json:
    """The SDK's types list the codes that OpenAI documents for failed responses, which are not all that it sends."""
    response = value.get("response", value)
    if isinstance(response, dict) and isinstance(response.get("error"), dict):
        value = copy.deepcopy(value)
        value.get("response", value)["error"]["code"] = "server_error"
    return value


def _without_openais_own(value: Json) -> Json:
    """A copy without what the Open Responses schema has no place for."""
    value = copy.deepcopy(value)
    response = value.get("response", value)
    if "output" in response:
        _reduce_response(response)
    if "item" in value:
        value["item"] = _reduced_item(value["item"])
    if "part" in value:
        _reduce_part(value["part"])
    if "annotation" in value and not _is_citation(value["annotation"]):
        value["annotation"] = None
    return value


def _reduce_response(response: Json) -> None:
    items = (_reduced_item(item) for item in response["output"])
    response["output"] = [item for item in items if item is not None]
    if "tools" in response:
        response["tools"] = [tool for tool in response["tools"] if tool["type"] == "function"]
    choice = response.get("tool_choice")
    if isinstance(choice, dict):
        named = choice.get("tools", [choice])
        if any(tool["type"] not in _TOOL_CHOICES for tool in named):
            response["tool_choice"] = "auto"
    shape = response.get("text", {}).get("format", {})
    if "schema" in shape:
        shape["schema"] = None  # the one value that the schema allows
    reasoning = response.get("reasoning", {})
    if reasoning.get("effort") not in list(ReasoningEffortEnum):
        reasoning["effort"] = None


def _reduced_item(item: Json) -> Json | None:
    if item["type"] not in _ITEMS:
        return None
    for part in item.get("content") or ():
        _reduce_part(part)
    return item


def _reduce_part(part: Json) -> None:
    if "annotations" in part:
        part["annotations"] = [one for one in part["annotations"] if _is_citation(one)]


def _is_citation(annotation: Json) -> bool:
    return bool(annotation["type"] == "url_citation")
