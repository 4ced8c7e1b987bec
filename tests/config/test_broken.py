"""Ten broken configs, and what a person is told about each: the line, the key, the way out; all of it at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from wsgi_gateway.cli import main

BROKEN = {
    "a misspelt key": (
        "model_providers:\n  - model: openai/gpt-4o\n    acces_key: k\n",
        [
            "config.yaml:3: error: model_providers[0].acces_key: unknown key",
            "did you mean access_key?",
            "config.yaml:2: error: model_providers[0]: openai needs access_key",
        ],
    ),
    "an unset variable": (
        "model_providers:\n  - model: groq/llama-3\n    access_key: $GROQ_API_KEY\n",
        [
            "config.yaml:3: error: model_providers[0].access_key: "
            "environment variable GROQ_API_KEY is not set",
            "export GROQ_API_KEY",
            ".env beside the config",
        ],
    ),
    "an alias to nothing": (
        "model_providers:\n  - model: openai/gpt-4o-mini\n    access_key: k\n"
        "model_aliases:\n  fast.v1:\n    target: gpt-4o-mimi\n",
        [
            'config.yaml:6: error: model_aliases["fast.v1"].target: '
            "no model provider answers to gpt-4o-mimi",
            "did you mean gpt-4o-mini?",
        ],
    ),
    "two defaults and a duplicate": (
        "model_providers:\n"
        "  - {model: openai/gpt-4o, access_key: k, default: true}\n"
        "  - {model: openai/gpt-4o, access_key: k}\n"
        "  - {model: openai/o3, access_key: k, default: true}\n",
        [
            "config.yaml:3: error: model_providers[1].model: "
            "openai/gpt-4o is already configured by model_providers[0] in line 2",
            "config.yaml:4: error: model_providers[2].default: "
            "a second default (the first is model_providers[0] in line 2)",
            "remove one, or give this one a name",
        ],
    ),
    "a duplicate key": (
        "model_providers:\n  - model: openai/gpt-4o\n    access_key: k\n    model: openai/o3\n",
        [
            "config.yaml:4: error: model_providers[0].model: key given twice (first in line 2)",
            "keep one",
        ],
    ),
    "an unknown provider": (
        "model_providers:\n  - model: antropic/claude-opus-4-5\n    access_key: k\n",
        [
            "config.yaml:2: error: model_providers[0]: "
            "antropic is not a known provider, so it needs base_url",
            "did you mean anthropic?",
        ],
    ),
    "a base_url that is an endpoint": (
        "model_providers:\n  - model: vllm/qwen\n    base_url: http://gpu:8000/v1/chat/completions\n",
        [
            "config.yaml:3: error: model_providers[0].base_url: ends in an API's own path",
            "remove /chat/completions from its end",
        ],
    ),
    "wrong types and ranges": (
        "listeners:\n  - type: model\n    name: m\n    port: 99999\n    timeout: soon\n"
        "model_providers:\n  - model: openai/gpt-4o\n    access_key: 12345\n    default: maybe\n"
        "    upstream_apis: [chat]\n",
        [
            "config.yaml:4: error: listeners[0].port: must be a whole number from 1 to 65535",
            "config.yaml:5: error: listeners[0].timeout: not a duration",
            "config.yaml:8: error: model_providers[0].access_key: must be text, not a whole number",
            "config.yaml:9: error: model_providers[0].default: must be true or false, not text",
            "config.yaml:10: error: model_providers[0].upstream_apis[0]: 'chat' is not allowed here",
            "one of: chat_completions, messages, responses",
        ],
    ),
    "a missing key and a missing provider": (
        "version: v7\nmodel_providers:\n  - model: gpt-4o\n  - model: anthropic/claude-opus-4-5\n",
        [
            "config.yaml:1: error: version: v7 is not known",
            "write v0.4.0",
            "config.yaml:3: error: model_providers[0].model: must be provider/id or provider/*",
            "like openai/gpt-4o",
            "config.yaml:4: error: model_providers[1]: anthropic needs access_key",
            "access_key: $ANTHROPIC_API_KEY",
        ],
    ),
    "not YAML": (
        "model_providers:\n  - model: openai/gpt-4o\n   access_key: k\n",
        ["config.yaml:3: error: not YAML:"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_says_what_is_needed_to_repair_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, expected = BROKEN[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    Path("config.yaml").write_text(text, "utf-8")
    result = CliRunner().invoke(main, ["check", "config.yaml"])
    assert result.exit_code == 2
    assert result.stdout == ""
    for part in expected:
        assert part in result.stderr
    errors = sum("error: " in part for part in expected)
    assert result.stderr.count("error: ") == errors, result.stderr
    assert f"{errors} problem" in result.stderr
