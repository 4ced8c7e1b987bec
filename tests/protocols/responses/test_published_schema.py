"""The judge of single objects is judged: it wants every field of a response object, and each of the right type."""

import copy
import json
from typing import Any

import pytest
from openresponses_types import ResponseResource
from support.open_responses import check_event, check_response
from support.pairs import GOLDEN_FOLDER
from support.streams import Answer, Api, Json, response
from support.translated import data_of, full, heard, written
from support.validators import Ending, check_responses

FULL = full("responses", "responses", response(Answer("Hello.", "Hm.")))


@pytest.mark.parametrize("name", sorted(ResponseResource.model_fields))
def test_each_published_field_is_missed(name: str) -> None:
    check_response(FULL)
    with pytest.raises(AssertionError, match=name):
        check_response({key: value for key, value in FULL.items() if key != name})


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (["created_at"], 1.5),
        (["status"], None),
        (["top_logprobs"], "0"),
        (["usage", "input_tokens_details"], {}),
        (["usage", "output_tokens_details"], None),
        (["output", 0, "encrypted_content"], None),
        (["output", 1, "id"], None),
        (["output", 1, "phase"], "thinking"),
        (["output", 1, "status"], "done"),
        (["output", 1, "content", 0, "annotations"], None),
        (["output", 1, "content", 0, "logprobs"], [{"token": "a", "logprob": -1.0}]),
        (["text"], {"verbosity": "low"}),
        (["tools"], [{"type": "function", "name": "f"}]),
        (["error"], {"code": None, "message": "m"}),
    ],
)
def test_a_wrong_value_is_objected_to(path: list[Any], wrong: Any) -> None:
    spoiled: Any = copy.deepcopy(FULL)
    holder = spoiled
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = wrong
    with pytest.raises(AssertionError):
        check_response(spoiled)


GOLDEN_NAMES: dict[str, tuple[Api, Ending]] = {
    "chat": ("chat_completions", "finished"),
    "chat_error_midstream": ("chat_completions", "failed"),
    "messages": ("messages", "finished"),
    "messages_error_midstream": ("messages", "failed"),
    "responses": ("responses", "finished"),
    "responses_error_midstream": ("responses", "failed"),
    "responses_failed_midstream": ("responses", "failed"),
    "responses_incomplete": ("responses", "incomplete"),
}


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_what_is_told_of_each_upstream_is_as_published(name: str) -> None:
    api, ending = GOLDEN_NAMES[name]
    events = heard(api, (GOLDEN_FOLDER / f"{name}.sse").read_bytes())

    stream = written("responses", events)

    assert check_responses(stream) == ending
    told = [event["response"] for event in data_of(stream) if "response" in event]
    assert [response["status"] for response in told[:2]] == ["in_progress", "in_progress"]
    for response_object in told:
        check_response(response_object)


def events_of(name: str) -> list[Json]:
    return data_of((GOLDEN_FOLDER / f"{name}.sse").read_bytes())


@pytest.mark.parametrize("name", ["responses", "responses_failed_midstream"])
def test_each_field_of_an_event_is_missed(name: str) -> None:
    for event in events_of(name):
        check_event(event)
        for field in event.keys() - {"logprobs", "name", "code", "message", "param"}:
            spoiled = {key: value for key, value in event.items() if key != field}
            with pytest.raises((AssertionError, KeyError)):
                check_event(spoiled)


def test_an_unknown_event_is_objected_to() -> None:
    with pytest.raises(AssertionError, match="unknown event"):
        check_event(json.loads('{"type": "response.thinking", "sequence_number": 0}'))
