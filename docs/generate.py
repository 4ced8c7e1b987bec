"""Writes what is generated: the tables in docs/configuration.md and etc/config_schema.json.

Run it after a change of the config's schema or of the table of providers; a test tells when that was forgotten.
"""

import json
import re
from pathlib import Path

from wsgi_gateway.config.reference import key_tables, provider_table
from wsgi_gateway.config.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/configuration.md"
SCHEMA = ROOT / "etc/config_schema.json"


def generated() -> dict[Path, str]:
    """File -> what it should contain."""
    guide = GUIDE.read_text("utf-8")
    for name, table in {"keys": key_tables(), "providers": provider_table()}.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        section = f"{begin}\n\n{table}\n\n{end}"
        pattern = f"{re.escape(begin)}.*{re.escape(end)}"
        guide = re.sub(pattern, section.replace("\\", r"\\"), guide, flags=re.DOTALL)
    return {GUIDE: guide, SCHEMA: json.dumps(json_schema(), indent=2) + "\n"}


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, "utf-8")
