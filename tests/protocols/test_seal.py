"""Proofs of reasoning in another API's opaque field."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.seal import PREFIX, seal, unseal, unwrap, without_sealed, wrap

proofs = st.builds(
    Proof,
    kind=st.sampled_from(["signature", "redacted", "encrypted", "details", "call", "none"]),
    value=st.text(st.characters(codec="utf-8")),
    item_id=st.none() | st.text(st.characters(codec="utf-8")),
    origin=st.none() | st.text(st.characters(codec="utf-8")),
)


@given(proofs)
def test_what_is_sealed_is_unsealed(proof: Proof) -> None:
    token = seal(proof)
    assert token.isascii()
    assert unseal(token) == proof


@given(st.binary())
def test_what_is_wrapped_is_unwrapped(body: bytes) -> None:
    assert unwrap(wrap(body)) == body
    assert unwrap(wrap(body)[:-1]) is None


@given(st.text())
def test_anything_else_is_not_ours(token: str) -> None:
    assert unseal(token) is None


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-5], lambda t: t + "!", lambda t: t[:20] + "é" + t[20:]]
)
def test_a_damaged_token_is_none(damage: object) -> None:
    token = seal(Proof(kind="signature", value="abc", origin="anthropic"))
    assert unseal(damage(token)) is None  # type: ignore[operator]


@given(proofs, st.data())
def test_an_edited_token_is_none(proof: Proof, data: st.DataObject) -> None:
    token = seal(proof)
    at = data.draw(st.integers(len(PREFIX), len(token.rstrip("=")) - 2))
    other = data.draw(st.sampled_from("abcXYZ019-_").filter(lambda letter: letter != token[at]))
    assert unseal(token[:at] + other + token[at + 1 :]) is None


def test_only_what_holds_a_token_is_taken_out() -> None:
    token = seal(Proof(kind="encrypted", value="abc", origin="openai"))
    text = {"type": "text", "text": f"{token} as text stays", "n": 12345678901234567890}
    body = {
        "messages": [
            {"role": "assistant", "content": [{"type": "thinking", "signature": token}, text]},
            {"role": "assistant", "content": [{"type": "thinking", "signature": "native"}]},
            {"role": "assistant", "content": [{"type": "thinking", "signature": token}]},
            {"role": "user", "content": []},
        ],
        "input": [{"type": "reasoning", "encrypted_content": token}],
    }
    assert without_sealed(body) == {
        "messages": [
            {"role": "assistant", "content": [text]},
            body["messages"][1],
            body["messages"][3],
        ],
        "input": [],
    }
