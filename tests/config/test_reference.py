"""The generated tables, and that docs/configuration.md has the current ones."""

from pathlib import Path

from wsgi_gateway.config.providers import known_providers
from wsgi_gateway.config.reference import key_tables, provider_table
from wsgi_gateway.config.schema import WITHOUT, ProviderEntry

GUIDE = Path(__file__).parents[2] / "docs/configuration.md"


def test_the_guide_is_current() -> None:
    guide = GUIDE.read_text("utf-8")
    for name, table in {"keys": key_tables(), "providers": provider_table()}.items():
        section = f"<!-- {name}: generated -->\n\n{table}\n\n<!-- {name}: end -->"
        assert section in guide, "run: python docs/generate.py"


def test_every_key_and_provider_is_in_the_tables() -> None:
    keys = key_tables()
    for name in (*ProviderEntry.__struct_fields__, *WITHOUT):
        assert f"| `{name}` |" in keys
    table = provider_table()
    assert all(f"| `{word}` |" in table for word in known_providers())
    assert "| `deepseek` |" in table
    assert "`/anthropic/v1`" in table
