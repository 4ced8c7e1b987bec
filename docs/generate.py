"""Writes what is generated: tables in docs/configuration.md, etc/config_schema.json, etc/openapi.yaml and docs/loss.md.

Run it after a change of the config's schema, of the table of providers, of the shapes of requests, or of what a
translation loses; a test tells when that was forgotten.
"""

import json
import re
import sys
from pathlib import Path

import openapi

from wsgi_gateway.config.reference import key_tables, provider_table
from wsgi_gateway.config.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/configuration.md"
SCHEMA = ROOT / "etc/config_schema.json"
OPENAPI = ROOT / "etc/openapi.yaml"
LOSS = ROOT / "docs/loss.md"


def generated() -> dict[Path, str]:
    """File -> what it should contain."""
    guide = GUIDE.read_text("utf-8")
    for name, table in {"keys": key_tables(), "providers": provider_table()}.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        section = f"{begin}\n\n{table}\n\n{end}"
        pattern = f"{re.escape(begin)}.*{re.escape(end)}"
        guide = re.sub(pattern, section.replace("\\", r"\\"), guide, flags=re.DOTALL)
    schema = json.dumps(json_schema(), indent=2) + "\n"
    return {GUIDE: guide, SCHEMA: schema, OPENAPI: openapi.text(), LOSS: _loss_page()}


def _loss_page() -> str:
    """Made where its cases are run: in the tests."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.loss_page import page

    return page()


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, "utf-8")
