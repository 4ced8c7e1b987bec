"""What `wsgi-gateway check` prints of a good config."""

from wsgi_gateway.config import load_config
from wsgi_gateway.config.describe import describe_config, describe_models

CONFIG = load_config(
    {
        "listeners": [
            {"type": "model", "name": "m", "address": "::", "port": 8000, "timeout": "5m"}
        ],
        "model_providers": [
            {"model": "openai/gpt-4o", "access_key": "sk-secret", "default": True},
            {
                "model": "anthropic/*",
                "access_key": "sk-secret",
                "name": "claude",
                "upstream_apis": ["messages"],
                "headers": {"x-tenant": "sk-secret"},
                "http_host": "h.example.com",
            },
            {"model": "ollama/llama3.2"},
            {"model": "groq/*", "passthrough_auth": True},
        ],
        "model_aliases": {"fast": {"target": "gpt-4o"}, "smart": {"target": "claude-opus-4-5"}},
    },
    {},
)


def test_the_whole_config() -> None:
    text = describe_config(CONFIG)
    assert "listens on http://[::]:8000, timeout 300 s" in text
    assert "sk-secret" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "responses https://api.openai.com/v1/responses authorization: Bearer ****" in lines
    assert "messages https://api.anthropic.com/v1/messages x-api-key: ****" in lines
    assert "chat_completions http://localhost:11434/v1/chat/completions no key" in lines
    assert "header x-tenant: ****" in lines
    assert "header host: h.example.com" in lines
    assert "claude (anthropic/*)" in lines
    assert any(line.endswith("the client's own key") for line in lines)


def test_every_name_leads_somewhere() -> None:
    rows = [line.split("  ") for line in describe_models(CONFIG).splitlines()]
    table = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows}
    assert table["fast (alias)"] == ["openai/gpt-4o", "gpt-4o", "chat_completions, responses"]
    assert table["smart (alias)"] == ["claude", "claude-opus-4-5", "messages"]
    assert table["openai/gpt-4o (default)"][1] == "gpt-4o"
    assert table["claude"][1] == "as requested"
