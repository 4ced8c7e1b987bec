"""What of one upstream's items another is shown."""

from __future__ import annotations

from typing import Any

from wsgi_gateway.protocols.conversation import Proof
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.seal import seal, unseal
from wsgi_gateway.state import Said
from wsgi_gateway.state.origins import foreign, sealed

THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}


def test_a_proof_names_the_provider_that_made_it() -> None:
    item = sealed(Said({**THOUGHT, "encrypted_content": "x"}, "theirs"))
    proof = unseal(item["encrypted_content"])
    assert proof == Proof(kind="encrypted", value="x", item_id="rs_1", origin="theirs")
    empty = sealed(Said(THOUGHT, "theirs"))
    assert unseal(empty["encrypted_content"]) == Proof(kind="none", origin="theirs")


def test_what_is_sealed_or_nobody_s_stays() -> None:
    token = seal(Proof(kind="signature", value="x", origin="another"))
    for said in (
        Said({**THOUGHT, "encrypted_content": token}, "theirs"),
        Said({**THOUGHT, "encrypted_content": "x"}, None),
        Said({"type": "message"}, "theirs"),
        Said("odd", "theirs"),
    ):
        assert sealed(said) is said.item


def test_an_upstream_is_shown_no_ids_that_it_did_not_make() -> None:
    loss = Loss("responses")
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "user"}
    search = {"type": "web_search_call", "id": "ws_1"}
    items = [
        Said(message, "theirs"),
        Said(search, "theirs"),
        Said(THOUGHT, None),
        Said("odd", None),
    ]
    assert foreign(items, loss) == [{"type": "message", "role": "user"}, "odd"]
    assert [(entry.path, entry.verdict) for entry in loss.entries] == [("input", "dropped")]
