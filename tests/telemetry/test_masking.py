"""Bodies for the log: bounded, and without what may be a key."""

from __future__ import annotations

import json

import pytest

from wsgi_gateway.config import Secret
from wsgi_gateway.telemetry.masking import Mask

PLAIN = Mask([], 10_000)


def masked(text: str) -> str:
    return PLAIN.text(text.encode(), [])


def test_what_was_said_stays() -> None:
    said = {
        "model": "gpt-4o",
        "max_tokens": 5,
        "max_output_tokens": 6,
        "messages": [{"role": "user", "content": "Ask the task-force for basic education: ½ €"}],
        "tools": [{"name": "set_key", "parameters": {"required": ["password"]}}],
    }
    assert json.loads(masked(json.dumps(said, ensure_ascii=False))) == said


def test_keys_that_are_known_are_hidden_wherever_they_stand() -> None:
    mask = Mask([Secret("provider-key-1"), Secret("provider-key-12"), Secret("short")], 10_000)
    body = b"provider-key-12, provider-key-1, short, and who asks: clients-own-key"
    assert mask.text(body, [Secret("clients-own-key")]) == "****, ****, short, and who asks: ****"
    assert mask.text(body, []) == "****, ****, short, and who asks: clients-own-key"


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcdefghijklmnop1234567890",
        "sk-ant-api03-abcdefghijklmnop",
        "sk-gw-abcdefghijklmnop1234",
        "gsk_abcdefghijklmnop1234",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLWhlcmU",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_key_is_hidden(key: str) -> None:
    assert masked(f"This is it: {key} - use it.") == "This is it: **** - use it."
    assert key not in masked(json.dumps({"content": key}))


@pytest.mark.parametrize(
    "name", ["authorization", "X-Api-Key", "apiKey", "access_token", "password", "client_secret"]
)
def test_a_field_that_is_called_like_a_key_is_hidden_also_in_json_within_json(name: str) -> None:
    field = {name: 'ab"c\\d', "other": "stays"}
    assert json.loads(masked(json.dumps(field))) == {name: "****", "other": "stays"}
    nested = json.dumps({"arguments": json.dumps(field)})
    assert json.loads(json.loads(masked(nested))["arguments"]) == {name: "****", "other": "stays"}
    assert masked(json.dumps({name: "is cut off here"})[:-5]) == f'{{"{name}": "****'


def test_a_header_s_scheme_stays() -> None:
    assert masked("send Bearer 0123456789abcdef, or") == "send Bearer ****, or"


def test_a_body_is_cut_between_characters() -> None:
    mask = Mask([], 10)
    assert mask.text(b"0123456789", []) == "0123456789"
    assert mask.text(b"0123456789a", []) == "0123456789"
    assert mask.text("012345678€".encode(), []) == "012345678"
    assert mask.text(b"\xff" + b"x" * 3000, []) == "\ufffdxxxxxxx"


def test_a_key_across_the_cut_is_hidden() -> None:
    mask = Mask([Secret("provider-key-1")], 20)
    body = b"0123456789 provider-key-1 and more"
    assert mask.text(body, []) == "0123456789 **** and "
    body = b"0123456789 sk-abcdefghijklmnop1234567890"
    assert mask.text(body, []) == "0123456789 ****"
