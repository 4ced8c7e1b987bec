"""Every kind of item that the Open Responses schema knows, on its way to models of the other APIs."""

import json
from typing import Any

import pytest
from openresponses_types import CreateResponseBody
from support.events import translation

from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.responses import read_request
from wsgi_gateway.protocols.table import PROTOCOLS

CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
ANSWER = {"type": "function_call_output", "call_id": "call_1"}
TOOL = {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}}
IMAGE = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content, **more}


HI = message("user", "Hi")
ITEMS: dict[str, list[dict[str, Any]]] = {
    "user": [message("user", "The words", id="msg_1", status="completed")],
    "user text": [message("user", [{"type": "input_text", "text": "The words"}])],
    "user image": [
        message(
            "user",
            [
                {"type": "input_text", "text": "The words"},
                {"type": "input_image", "image_url": IMAGE, "detail": "low"},
            ],
        )
    ],
    "user file": [
        message(
            "user",
            [
                {"type": "input_text", "text": "The words"},
                {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
            ],
        )
    ],
    "system": [message("system", "The words"), HI],
    "system text": [message("system", [{"type": "input_text", "text": "The words"}]), HI],
    "developer": [message("developer", "The words"), HI],
    "developer text": [message("developer", [{"type": "input_text", "text": "The words"}]), HI],
    "assistant": [HI, message("assistant", "The words"), HI],
    "assistant text": [
        HI,
        message("assistant", [{"type": "output_text", "text": "The words"}], phase="final_answer"),
        HI,
    ],
    "assistant refusal": [
        HI,
        message("assistant", [{"type": "refusal", "refusal": "The words"}]),
        HI,
    ],
    "reasoning": [
        HI,
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {**CALL, "id": "fc_1", "status": "completed"},
        {**ANSWER, "output": "The words"},
    ],
    "call": [HI, CALL, {**ANSWER, "id": "fco_1", "output": "The words", "status": "completed"}],
    "result in parts": [
        HI,
        CALL,
        {
            **ANSWER,
            "output": [
                {"type": "input_text", "text": "The words"},
                {"type": "input_image", "image_url": IMAGE},
            ],
        },
    ],
}


def written(api: str, items: list[dict[str, Any]]) -> str:
    """The upstream's body, for a request that the published schema allows."""
    body = {"model": "m", "input": items, "tools": [TOOL]}
    CreateResponseBody.model_validate_json(json.dumps(body))
    conversation = read_request(body, Loss("responses"))
    facts = translation("responses", openai_fields=True)
    return encode(PROTOCOLS[api].write_request(conversation, facts)).decode()


@pytest.mark.parametrize("api", ["chat_completions", "messages"])
@pytest.mark.parametrize("items", ITEMS.values(), ids=list(ITEMS))
def test_an_item_reaches_the_model(api: str, items: list[dict[str, Any]]) -> None:
    body = written(api, items)
    assert "The words" in body
    assert ("iVBORw0KGgo=" in body) == ("iVBORw0KGgo=" in json.dumps(items))
    assert ("JVBERi0=" in body) == ("JVBERi0=" in json.dumps(items))


@pytest.mark.parametrize("api", ["chat_completions", "messages"])
@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([{"type": "item_reference", "id": "msg_none"}, HI], "input[0]"),
        (
            [HI, CALL, {**ANSWER, "output": [{"type": "input_video", "video_url": "https://v"}]}],
            "input[2].output[0]",
        ),
    ],
)
def test_what_no_model_takes_is_refused(api: str, items: list[dict[str, Any]], param: str) -> None:
    with pytest.raises(ApiError) as caught:
        written(api, items)
    assert (caught.value.kind, caught.value.param) == ("invalid_request", param)
