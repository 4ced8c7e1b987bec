"""Codex edits several files at once, led by a model that speaks Messages only.

Its tool for patches is a freeform one, which Messages does not have. Here: the whole task, from reading the files to
running what has become of them. Not here: what other clients do (test_clients.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import GatewayFactory
from support.agents import find_agent, run_codex
from support.gateway import config, provider
from support.pairs import model_of, reply_to
from support.streams import Answer, Json, ToolCall, message
from support.upstream import Upstream

MODEL = "gpt-5.5"
"""A name for which Codex offers its tool for patches, and asks for reasoning."""

BEFORE = {
    "shop/prices.py": "PRICES = {'tea': 3}\n",
    "shop/main.py": "from prices import PRICES\nprint(PRICES['tea'])\n",
    "shop/notes.txt": "Nobody needs this.\n",
}
PATCH = """\
*** Begin Patch
*** Update File: shop/prices.py
@@
-PRICES = {'tea': 3}
+PRICES = {'tea': 3, 'crème brûlée': 9}
*** Update File: shop/main.py
*** Move to: shop/bill.py
@@
 from prices import PRICES
+from total import total
-print(PRICES['tea'])
+print("Total:", total(PRICES))
*** Add File: shop/total.py
+def total(prices):
+    return sum(prices.values())
*** Delete File: shop/notes.txt
*** End Patch
"""
AFTER = {
    "shop/prices.py": "PRICES = {'tea': 3, 'crème brûlée': 9}\n",
    "shop/bill.py": 'from prices import PRICES\nfrom total import total\nprint("Total:", total(PRICES))\n',
    "shop/total.py": "def total(prices):\n    return sum(prices.values())\n",
}


def _run(id_: str, command: str) -> ToolCall:
    return ToolCall(id_, "exec_command", json.dumps({"cmd": command}))


ANSWERS = (
    Answer(
        "I read both.",
        "They want a total.",
        "UkVBRA==",
        (_run("call_1", "cat shop/prices.py"), _run("call_2", "cat shop/main.py")),
        id="1",
    ),
    Answer(
        "Now I edit.",
        "One patch will do.",
        "RURJVA==",
        (ToolCall("call_3", "apply_patch", json.dumps({"input": PATCH})),),
        id="2",
    ),
    Answer(
        "I try it.", "Does it run?", "UlVO", (_run("call_4", "python3 -B shop/bill.py"),), id="3"
    ),
    Answer("It says 12.", id="4"),
)


@pytest.mark.clients
@pytest.mark.parametrize("websocket", [False, True], ids=["http", "websocket"])
def test_codex_edits_several_files(
    gateway_factory: GatewayFactory, upstream: Upstream, tmp_path: Path, websocket: bool
) -> None:
    program = find_agent("codex")
    if program is None:
        pytest.skip("codex is not installed: make clients")
    answers = list(ANSWERS)
    upstream.script(lambda request: reply_to(request, "messages", answers.pop(0)))
    aliases = {MODEL: {"target": model_of("messages")}}
    gateway = gateway_factory(
        config(provider(upstream.base_url, "messages"), model_aliases=aliases)
    )
    for name, text in BEFORE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    run = run_codex(
        program, tmp_path, gateway.base_url, MODEL, "Print the total.", websocket=websocket
    )

    assert (run.code, run.out.strip()) == (0, "It says 12."), run.err
    files = (path for path in (tmp_path / "shop").rglob("*") if path.is_file())
    assert {str(p.relative_to(tmp_path)): p.read_text() for p in files} == AFTER
    assert not answers
    said = [entry for entry in upstream.last.json["messages"] if entry["role"] == "assistant"]
    assert [entry["content"] for entry in said] == [
        message(answer)["content"] for answer in ANSWERS[:-1]
    ]
    results = _results(upstream.last.json)
    assert list(results) == ["call_1", "call_2", "call_3", "call_4"]
    assert BEFORE["shop/prices.py"] in results["call_1"]
    assert BEFORE["shop/main.py"] in results["call_2"]
    assert all(name in results["call_3"] for name in AFTER)
    assert "Total: 12" in results["call_4"]


def _results(body: Json) -> dict[str, str]:
    """What Codex's tools gave, by the ids of their calls."""
    blocks = (
        block
        for entry in body["messages"]
        if isinstance(entry["content"], list)
        for block in entry["content"]
    )
    return {
        block["tool_use_id"]: _text(block["content"])
        for block in blocks
        if block["type"] == "tool_result"
    }


def _text(content: str | list[Json]) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)
