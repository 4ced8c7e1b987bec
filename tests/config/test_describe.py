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


def test_deployments_fallbacks_and_timeouts() -> None:
    providers = [
        {"model": "ollama/a", "fallbacks": ["b"], "fallback_on": ["quota", "auth"]},
        {"model": "ollama/b", "timeouts": {"first_event": "5s", "total": "1m"}},
    ]
    deployments = [{"target": "a", "weight": 3}, {"target": "b", "priority": 2}]
    aliases = {"m": {"deployments": deployments}, "n": {"target": "a", "fallbacks": ["m"]}}
    config = load_config({"model_providers": providers, "model_aliases": aliases}, {})
    lines = [" ".join(line.split()) for line in describe_config(config).splitlines()]
    assert lines[lines.index("m: least_in_flight of") + 1 :][:2] == [
        "a weight 3 priority 1",
        "b weight 1 priority 2",
    ]
    assert "else m: on auth, quota, rate_limit, server_error, timeout, unreachable" in lines
    assert "else b: on auth, quota" in lines
    assert sum(line.startswith("timeouts") for line in lines) == 1, (
        "the usual ones go without saying"
    )
    assert "timeouts: connect 10 s, first_event 5 s, idle 600 s, total 60 s, plain 60 s" in lines


def test_a_hedged_model() -> None:
    def told(hedge: dict[str, object]) -> str:
        entries = [{"model": "openai/m", "name": name, "access_key": "k"} for name in "ab"]
        alias = {"deployments": [{"target": "a"}, {"target": "b"}], "hedge": hedge}
        return describe_config(
            load_config({"model_providers": entries, "model_aliases": {"m": alias}}, {})
        )

    assert "without an answer after 2 s: asked elsewhere too, at most 1 more" in told(
        {"after": "2s"}
    )
    assert "without an answer after p95: asked elsewhere too, at most 2 more" in told(
        {"after": "p95", "max": 2}
    )
