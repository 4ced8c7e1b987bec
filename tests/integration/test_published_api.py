"""etc/openapi.yaml: it is valid, and schemathesis finds no difference between it and the running gateway.

Both programs are installed by `make clients`; where they are missing these tests are skipped. Not here: that the
document has the routes of the application (tests/test_openapi.py).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import GatewayFactory
from support.agents import CACHE
from support.dialects import PATHS
from support.keyed import KEY, client_key, gateway_config, key_of
from support.pairs import APIS, model_of
from support.streams import PLAIN, STREAMED, Answer, Json
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(
        not (CACHE / "schemathesis/.installed").exists(), reason="not installed: make clients"
    ),
]

PROGRAMS = CACHE / "schemathesis/bin"
DOCUMENT = Path(__file__).parents[2] / "etc/openapi.yaml"
SETTINGS = Path(__file__).parents[1] / "clients/programs/schemathesis.toml"
_EXAMPLES = 4


def run(folder: Path, program: str, *arguments: str) -> str:
    """What a program prints, which must end well. It sees nothing of our environment."""
    done = subprocess.run(
        [str(PROGRAMS / program), *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_it_is_valid_openapi(tmp_path: Path) -> None:
    run(tmp_path, "openapi-spec-validator", str(DOCUMENT))


def model(asked: Request) -> Reply:
    """Takes whatever it is asked, and has nothing beside the three endpoints."""
    api = next((api for api in APIS if asked.path == PATHS[api]), None)
    if asked.method != "POST" or api is None:
        return Reply([], 404)
    if asked.json.get("stream") is True:
        return sse_reply(STREAMED[api](Answer("Hi.")).encode())
    return json_reply(PLAIN[api](Answer("Hi.")))


def as_configured() -> Json:
    """The document with the names of this gateway's models, without which all requests were for unknown ones."""
    document: Json = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    schemas = document["components"]["schemas"]
    for name in ("ChatFields", "MessagesFields", "ResponsesFields"):
        schemas[name]["properties"]["model"] = {"enum": [model_of(api) for api in APIS]}
        schemas[name]["required"] = ["model"]
    return document


def test_schemathesis_finds_nothing(
    upstream: Upstream, gateway_factory: GatewayFactory, tmp_path: Path
) -> None:
    upstream.script(model)
    key = client_key("schemathesis")
    gateway = gateway_factory(gateway_config(upstream, {"id": "other", "key": KEY}, key))
    document = as_configured()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    before = len(gateway.output)

    said = run(
        tmp_path,
        *("schemathesis", "--config-file", str(SETTINGS)),
        *("run", "openapi.json", "--url", gateway.base_url, "--no-color"),
        *("--header", f"Authorization: Bearer {key_of('schemathesis')}"),
        # The same requests in every run.
        *("--generation-deterministic", "--max-examples", str(_EXAMPLES)),
    )

    operations = sum(
        name in {"get", "post", "delete"} for path in document["paths"].values() for name in path
    )
    tested = re.search(r"Tested: (\d+)", said)
    assert tested and int(tested[1]) == operations, said
    assert upstream.requests, "no request came as far as a model"
    assert "Traceback" not in gateway.output[before:]
