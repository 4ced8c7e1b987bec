"""Edge cases 37 to 51, 56 and 57 of the protocols digest: requests, as an upstream gets them.

Here: a client's body in, the upstream's body and the losses out, for every pair that a case touches. Not here:
replies, and odd JSON in either direction (test_replies.py).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from support.events import told, translation
from support.streams import Api, Json

from wsgi_gateway.protocols.decoding import encode, read_body
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation

TO_MESSAGES = pytest.mark.parametrize("client_api", ["chat_completions", "responses"])
FROM_RESPONSES = pytest.mark.parametrize("upstream_api", ["chat_completions", "messages"])
LOOK: Json = {"type": "object", "properties": {"at": {"type": "string"}}}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="


class Sent:
    """What became of a client's ``body``; ``facts`` are the model's capabilities."""

    def __init__(self, client_api: Api, upstream_api: Api, body: Json, **facts: Any) -> None:
        self.loss = Loss(client_api)
        self.translation: Translation = translation(client_api, **facts)
        self.translation.loss = self.loss
        asked = PROTOCOLS[client_api].read_request(read_body(encode(body)), self.loss)
        self.wire = encode(PROTOCOLS[upstream_api].write_request(asked, self.translation))
        self.body: Json = msgspec.json.decode(self.wire)
        self.warning = self.loss.header() or ""

    @property
    def turns(self) -> list[tuple[str, list[Json]]]:
        return [(message["role"], message["content"]) for message in self.body["messages"]]


def refused(client_api: Api, upstream_api: Api, body: Json, **facts: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        Sent(client_api, upstream_api, body, **facts)
    assert caught.value.kind == "invalid_request"
    return caught.value


def history(client_api: Api, *said: tuple[str, Any], **more: Any) -> Json:
    """A body that says this: (role, content), ("call", (id, arguments)) or ("result", (id, content))."""
    entries: list[Json] = []
    for role, content in said:
        if role == "call":
            entries.append(_call(client_api, *content))
        elif role == "result":
            entries.append(_result(client_api, *content))
        else:
            entries.append({"role": role, "content": content})
    field = "messages" if client_api == "chat_completions" else "input"
    return {"model": "m", field: entries, **more}


def _call(client_api: Api, call_id: str, arguments: str = "{}") -> Json:
    if client_api == "responses":
        return {"type": "function_call", "call_id": call_id, "name": "look", "arguments": arguments}
    function = {"name": "look", "arguments": arguments}
    call = {"id": call_id, "type": "function", "function": function}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _result(client_api: Api, call_id: str, content: Any) -> Json:
    if client_api == "responses":
        return {"type": "function_call_output", "call_id": call_id, "output": content}
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def tool(client_api: Api, parameters: Json | None) -> Json:
    function: Json = {"name": "look", "parameters": parameters}
    if client_api == "responses":
        return {"type": "function", "strict": False, **function}
    return {"type": "function", "function": function}


def part(client_api: Api, text: str) -> Json:
    return {"type": "input_text" if client_api == "responses" else "text", "text": text}


def image(client_api: Api, url: str) -> Json:
    if client_api == "responses":
        return {"type": "input_image", "image_url": url}
    return {"type": "image_url", "image_url": {"url": url}}


def text(said: str) -> Json:
    return {"type": "text", "text": said}


ASK = ("user", "Hi")


@TO_MESSAGES
def test_case_37_the_first_turn_is_the_users(client_api: Api) -> None:
    sent = Sent(
        client_api, "messages", history(client_api, ("assistant", "Hello?"), ("user", "Hi"))
    )

    assert [role for role, _ in sent.turns] == ["user", "assistant", "user"]
    assert sent.turns[1:] == [("assistant", [text("Hello?")]), ("user", [text("Hi")])]
    assert "put before the assistant" in sent.warning


@TO_MESSAGES
def test_case_37_a_tool_result_first_is_refused(client_api: Api) -> None:
    assert (
        "'c1'"
        in refused(client_api, "messages", history(client_api, ("result", ("c1", "x")))).message
    )


@TO_MESSAGES
def test_case_38_neighbours_of_one_role_are_merged_in_order(client_api: Api) -> None:
    said = [("user", "1"), ("user", "2"), ("assistant", "3"), ("assistant", "4"), ("user", "5")]
    sent = Sent(client_api, "messages", history(client_api, *said))

    assert sent.turns == [
        ("user", [text("1"), text("2")]),
        ("assistant", [text("3"), text("4")]),
        ("user", [text("5")]),
    ]


@TO_MESSAGES
@pytest.mark.parametrize("empty", ["", " \n\t", [], "parts"], ids=repr)
def test_case_39_what_says_nothing_is_removed(client_api: Api, empty: Any) -> None:
    if empty == "parts":
        empty = [part(client_api, ""), part(client_api, "\n")]
    said = [("user", "1"), ("assistant", empty), ("user", empty), ("user", "2"), ("assistant", "3")]
    sent = Sent(client_api, "messages", history(client_api, *said, ("user", "4"), ("user", empty)))

    assert sent.turns == [
        ("user", [text("1"), text("2")]),
        ("assistant", [text("3")]),
        ("user", [text("4")]),
    ]


@TO_MESSAGES
def test_case_40_results_come_first_behind_their_calls(client_api: Api) -> None:
    said = [ASK, ("call", ("c1", "{}")), ("user", "hurry"), ("result", ("c1", "seen"))]
    sent = Sent(client_api, "messages", history(client_api, *said))

    (role, (result, hurry)) = sent.turns[-1]
    assert (role, result["type"], result["tool_use_id"]) == ("user", "tool_result", "c1")
    assert hurry == text("hurry")


@TO_MESSAGES
def test_case_41_a_call_without_its_result_is_refused_by_its_id(client_api: Api) -> None:
    said = [ASK, ("call", ("c1", "{}")), ("call", ("c2", "{}")), ("result", ("c1", "seen"))]

    assert "'c2'" in refused(client_api, "messages", history(client_api, *said, ASK)).message


SYSTEM_IN_THE_MIDDLE = [("user", "1"), ("system", "be brief"), ("assistant", "2"), ("user", "3")]


@TO_MESSAGES
def test_case_42_a_later_system_message_stays_where_the_model_takes_it(client_api: Api) -> None:
    sent = Sent(
        client_api, "messages", history(client_api, *SYSTEM_IN_THE_MIDDLE), system_messages=True
    )

    assert "system" not in sent.body
    assert sent.turns[1] == ("system", [text("be brief")])
    assert not sent.warning


@TO_MESSAGES
def test_case_42_elsewhere_it_becomes_a_reminder_at_its_place(client_api: Api) -> None:
    sent = Sent(client_api, "messages", history(client_api, *SYSTEM_IN_THE_MIDDLE))

    assert "system" not in sent.body
    assert [role for role, _ in sent.turns] == ["user", "assistant", "user"]
    first, reminder = sent.turns[0][1]
    assert first == text("1")
    assert "<system-reminder>" in reminder["text"] and "be brief" in reminder["text"]
    assert "reminder" in sent.warning


@TO_MESSAGES
@pytest.mark.parametrize("taken", [True, False], ids=["stays", "reminder"])
def test_case_42_never_between_a_call_and_its_result(client_api: Api, taken: bool) -> None:
    said = [ASK, ("call", ("c1", "{}")), ("system", "be brief"), ("result", ("c1", "seen"))]
    sent = Sent(client_api, "messages", history(client_api, *said), system_messages=taken)

    position = next(n for n, (role, _) in enumerate(sent.turns) if role == "assistant")
    role, blocks = sent.turns[position + 1]
    assert (role, blocks[0]["type"]) == ("user", "tool_result")
    assert b"be brief" in sent.wire


@TO_MESSAGES
def test_case_43_system_messages_in_a_row_are_one(client_api: Api) -> None:
    said = [("user", "1"), ("system", "a"), ("developer", "b"), ("assistant", "2"), ("user", "3")]
    sent = Sent(client_api, "messages", history(client_api, *said), system_messages=True)

    assert sent.turns[1] == ("system", [text("a"), text("b")])
    assert [role for role, _ in sent.turns] == ["user", "system", "assistant", "user"]


def test_case_44_a_prefill_loses_its_trailing_blanks_and_that_is_told() -> None:
    sent = Sent(
        "chat_completions", "messages", history("chat_completions", ASK, ("assistant", "So \n"))
    )

    assert sent.turns[-1] == ("assistant", [text("So")])
    assert "continues" in sent.warning


def test_case_44_a_prefill_cannot_be_continued_by_responses() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    body["messages"] += [{"role": "assistant", "content": "So"}]  # type: ignore[operator]

    assert "continue" in refused("messages", "responses", body).message


@TO_MESSAGES
def test_case_45_an_illegal_id_has_a_stable_alias_and_comes_back(client_api: Api) -> None:
    ids = ["call:1/ä", "call:2/ä", "x" * 200 + "1", "x" * 200 + "2"]
    said = [ASK, *(("call", (i, "{}")) for i in ids), *(("result", (i, i[-1])) for i in ids)]
    body = history(client_api, *said, tools=[tool(client_api, LOOK)])
    sent = Sent(client_api, "messages", body)

    calls = [b["id"] for _, blocks in sent.turns for b in blocks if b["type"] == "tool_use"]
    results = [b["tool_use_id"] for _, bs in sent.turns for b in bs if b["type"] == "tool_result"]
    assert calls == results and len(set(calls)) == len(ids)
    assert all(
        len(call) <= 64 and call.replace("_", "").replace("-", "").isalnum() for call in calls
    )
    assert Sent(client_api, "messages", body).wire == sent.wire
    assert [sent.translation.aliases.restore_call_id(call) for call in calls] == ids


@TO_MESSAGES
def test_case_45_an_id_that_the_upstream_repeats_is_the_clients_again(client_api: Api) -> None:
    said = [ASK, ("call", ("call:1", "{}")), ("result", ("call:1", "seen"))]
    sent = Sent(client_api, "messages", history(client_api, *said))
    alias = sent.turns[1][1][0]["id"]
    call = {"type": "tool_use", "id": alias, "name": "look", "input": {}}
    reply = {"type": "message", "role": "assistant", "content": [call], "stop_reason": "tool_use"}

    events = PROTOCOLS["messages"].read_reply(reply, sent.translation)

    assert told(events) == [("tool_call", "call:1", "look", "{}")]


@TO_MESSAGES
@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"properties": {}},
        {"type": ["object", "null"]},
        {"$ref": "#/$defs/a", "$defs": {"a": LOOK}},
    ],
    ids=repr,
)
def test_case_46_the_root_of_a_schema_becomes_an_object(client_api: Api, schema: Any) -> None:
    sent = Sent(client_api, "messages", history(client_api, ASK, tools=[tool(client_api, schema)]))

    assert sent.body["tools"][0]["input_schema"]["type"] == "object"


@TO_MESSAGES
@pytest.mark.parametrize(
    "schema",
    [{"anyOf": [LOOK]}, {"$ref": "https://x/y.json"}, {"type": "string"}],
    ids=repr,
)
def test_case_46_another_root_is_refused_by_the_tools_name(client_api: Api, schema: Json) -> None:
    error = refused(
        client_api, "messages", history(client_api, ASK, tools=[tool(client_api, schema)])
    )

    assert "'look'" in error.message
    assert error.param in ("tools", "tools[0]")


EFFORTS: dict[Api, Json] = {
    "chat_completions": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high"}},
}
LIMITS: dict[Api, str] = {
    "chat_completions": "max_completion_tokens",
    "responses": "max_output_tokens",
}


@TO_MESSAGES
def test_case_47_max_tokens_is_filled_in(client_api: Api) -> None:
    sent = Sent(client_api, "messages", history(client_api, ASK), max_output_tokens=4321)

    assert sent.body["max_tokens"] == 4321


@TO_MESSAGES
@pytest.mark.parametrize("limit", [2048, 2049, 4096, 16_384, 16_385, 20_000])
def test_case_47_a_budget_shrinks_below_the_limit(client_api: Api, limit: int) -> None:
    body = history(client_api, ASK, **EFFORTS[client_api], **{LIMITS[client_api]: limit})
    sent = Sent(client_api, "messages", body)

    assert sent.body["max_tokens"] == limit
    assert 1024 <= sent.body["thinking"]["budget_tokens"] < limit


@TO_MESSAGES
def test_case_47_a_limit_without_room_for_thinking_switches_it_off(client_api: Api) -> None:
    body = history(client_api, ASK, **EFFORTS[client_api], **{LIMITS[client_api]: 1024})
    sent = Sent(client_api, "messages", body)

    assert (sent.body["max_tokens"], sent.body.get("thinking")) == (1024, None)
    assert "no room" in sent.warning


@TO_MESSAGES
def test_case_48_temperature_is_clamped(client_api: Api) -> None:
    sent = Sent(client_api, "messages", history(client_api, ASK, temperature=1.7))

    assert sent.body["temperature"] == 1
    assert "temperature;approximated" in sent.warning


@TO_MESSAGES
@pytest.mark.parametrize("knob", ["temperature", "top_p"])
def test_case_48_sampling_is_left_out_where_the_model_takes_none(
    client_api: Api, knob: str
) -> None:
    sent = Sent(client_api, "messages", history(client_api, ASK, **{knob: 0.5}), sampling=False)

    assert knob not in sent.body
    assert f"{knob};approximated" in sent.warning


@TO_MESSAGES
def test_case_49_a_tool_loop_without_its_thinking_goes_on_without(client_api: Api) -> None:
    said = [ASK, ("call", ("c1", "{}")), ("result", ("c1", "seen"))]
    sent = Sent(client_api, "messages", history(client_api, *said, **EFFORTS[client_api]))

    assert "thinking" not in sent.body
    assert "switched off" in sent.warning


FORCED: dict[str, dict[Api, Any]] = {
    "any": {"chat_completions": "required", "responses": "required"},
    "tool": {
        "chat_completions": {"type": "function", "function": {"name": "look"}},
        "responses": {"type": "function", "name": "look"},
    },
}


@TO_MESSAGES
@pytest.mark.parametrize("forced", FORCED)
@pytest.mark.parametrize("thinking", ["budget", "adaptive"])
def test_case_50_a_thinking_model_cannot_be_forced(
    client_api: Api, forced: str, thinking: str
) -> None:
    knobs = {"tools": [tool(client_api, LOOK)], "tool_choice": FORCED[forced][client_api]}
    body = history(client_api, ASK, **knobs)
    plain = Sent(client_api, "messages", body, thinking=thinking)
    thinks = Sent(
        client_api,
        "messages",
        {**body, **EFFORTS[client_api]},
        thinking=thinking,
        max_output_tokens=64_000,
    )

    assert plain.body["tool_choice"]["type"] == forced
    assert thinks.body["thinking"]["type"] in {"enabled", "adaptive"}
    assert thinks.body["tool_choice"] == {"type": "auto"}
    assert "tool_choice;approximated" in thinks.warning


@TO_MESSAGES
def test_case_51_a_wrong_media_type_is_put_right(client_api: Api) -> None:
    shown = image(client_api, f"data:image/jpeg;base64,{PNG}")
    sent = Sent(client_api, "messages", history(client_api, ("user", [shown])))

    assert sent.turns[0][1][0]["source"]["media_type"] == "image/png"


def _second_image(client_api: Api, url: str) -> Json:
    fine = image(client_api, f"data:image/png;base64,{PNG}")
    return history(client_api, ASK, ("user", [fine, image(client_api, url)]))


@TO_MESSAGES
def test_case_51_an_image_of_another_type_is_refused(client_api: Api) -> None:
    error = refused(
        client_api, "messages", _second_image(client_api, "data:image/tiff;base64,SUkq")
    )

    assert "image/tiff" in error.message


@TO_MESSAGES
def test_case_51_a_refused_image_is_named_by_its_path(client_api: Api) -> None:
    error = refused(
        client_api, "messages", _second_image(client_api, "data:image/tiff;base64,SUkq")
    )

    field = "messages" if client_api == "chat_completions" else "input"
    assert error.param == f"{field}[1].content[1]"


@TO_MESSAGES
def test_case_51_an_image_over_the_limit_is_refused(client_api: Api) -> None:
    """Anthropic's API takes 5 MB for an image; this is 6."""
    facts = {"image_bytes": 5 * 1024 * 1024}
    large = f"data:image/png;base64,{PNG[:16]}{'A' * 8_000_000}"
    error = refused(client_api, "messages", _second_image(client_api, large), **facts)

    field = "messages" if client_api == "chat_completions" else "input"
    assert error.param == f"{field}[1].content[1]"


INPUTS: dict[str, Any] = {
    "a string": "Hi",
    "a message without type": [{"role": "user", "content": "Hi"}],
    "a full message": [{"type": "message", "role": "user", "content": [part("responses", "Hi")]}],
}


@FROM_RESPONSES
@pytest.mark.parametrize("given", INPUTS.values(), ids=list(INPUTS))
def test_case_56_forms_of_a_user_message(upstream_api: Api, given: Any) -> None:
    sent = Sent("responses", upstream_api, {"model": "m", "input": given})

    ((role, content),) = sent.turns
    assert role == "user"
    assert content in ("Hi", [text("Hi")])


@FROM_RESPONSES
@pytest.mark.parametrize(
    "content", ["Ho", [{"type": "output_text", "text": "Ho"}]], ids=["easy", "full"]
)
def test_case_56_forms_of_an_assistant_message(upstream_api: Api, content: Any) -> None:
    said = history("responses", ASK, ("assistant", content), ("user", "Hey"))
    sent = Sent("responses", upstream_api, said)

    assert [role for role, _ in sent.turns] == ["user", "assistant", "user"]
    assert sent.turns[1][1] in ("Ho", [text("Ho")])


@FROM_RESPONSES
def test_case_56_a_reference_to_an_item_is_refused_by_its_path(upstream_api: Api) -> None:
    body = history("responses", ASK)
    body["input"].append({"type": "item_reference", "id": "msg_1"})

    assert refused("responses", upstream_api, body).param == "input[1]"


@FROM_RESPONSES
@pytest.mark.parametrize("order", ["before", "without"])
def test_case_57_a_result_needs_its_call_before_it(upstream_api: Api, order: str) -> None:
    said = [ASK, ("result", ("c1", "seen"))] + [("call", ("c1", "{}"))] * (order == "before")

    assert "'c1'" in refused("responses", upstream_api, history("responses", *said)).message


@FROM_RESPONSES
def test_case_57_an_image_in_a_result_survives(upstream_api: Api) -> None:
    output = [part("responses", "see"), image("responses", f"data:image/png;base64,{PNG}")]
    said = [ASK, ("call", ("c1", "{}")), ("result", ("c1", output)), ("user", "And?")]
    sent = Sent("responses", upstream_api, history("responses", *said))

    if upstream_api == "messages":
        result, question = sent.turns[-1][1]
        assert [block["type"] for block in result["content"]] == ["text", "image"]
        assert result["content"][1]["source"]["data"] == PNG
        assert question == text("And?")
    else:
        roles = [message["role"] for message in sent.body["messages"]]
        assert roles[:3] == ["user", "assistant", "tool"] and set(roles[3:]) == {"user"}
        assert "see" in json.dumps(sent.body["messages"][2]["content"])
        assert PNG in json.dumps(sent.body["messages"][3:])
