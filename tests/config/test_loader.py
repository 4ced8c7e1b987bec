"""Files into Configs: where variables come from, what a Plano user's file becomes, and that nothing else escapes."""

import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsgi_gateway.config import Config, ConfigError, load_config

ETC = Path(__file__).parents[2] / "etc"
SMALL = "model_providers:\n  - model: openai/gpt-4o\n    access_key: $OPENAI_API_KEY\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "config.yaml"
    path.write_text(text, "utf-8")
    return path


def test_a_file_is_read_with_the_variables_given(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, SMALL), {"OPENAI_API_KEY": "sk-1"})
    key = config.providers[0].access_key
    assert key
    assert key.reveal() == "sk-1"
    assert config.path == str(tmp_path / "config.yaml")
    assert "sk-1" not in repr(config)


def test_the_process_s_environment_is_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-2")
    key = load_config(str(write(tmp_path, SMALL))).providers[0].access_key
    assert key
    assert key.reveal() == "sk-2"


def test_dotenv_beside_the_config_is_overridden_by_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL + "    base_url: $WHERE\n")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-file\nWHERE=http://host\n", "utf-8")
    provider = load_config(path, {"OPENAI_API_KEY": "from-environment"}).providers[0]
    assert provider.access_key
    assert provider.access_key.reveal() == "from-environment"
    assert provider.endpoints["responses"] == "http://host/v1/responses"


def test_a_dotenv_with_an_odd_line_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=k\nnonsense\n", "utf-8")
    (warning,) = load_config(write(tmp_path, SMALL), {}).warnings
    assert warning.file == str(tmp_path / ".env")
    assert warning.line == 2


def test_a_dotenv_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    config = load_config(write(tmp_path, SMALL), {"OPENAI_API_KEY": "k"})
    assert "not UTF-8" in config.warnings[0].message


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load_config(path, {"OPENAI_API_KEY": "k"}).providers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"- a\n", "must be a mapping, not a list"),
        (b"just text", "must be a mapping, not text"),
        (b"{}", "model_providers is missing"),
        (b"model_providers: []", "model_providers is missing"),
        (b"x: " + b"a" * 4_000_001, "larger than"),
    ],
)
def test_files_that_are_no_configs(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path, {})


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.yaml", "no such file"), (".", "cannot be read"), ("a\0b", "not a file name")],
)
def test_paths_that_are_no_files(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(f"{tmp_path}/{name}", {})


def test_a_mapping_has_no_file_and_no_lines() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"model_provider": []}, {})
    assert {(problem.file, problem.line) for problem in caught.value.problems} == {(None, None)}


def test_the_older_name_of_model_providers() -> None:
    entry = {"model": "openai/a", "access_key": "k"}
    assert load_config({"llm_providers": [entry]}, {}).providers[0].model == "a"
    with pytest.raises(ConfigError, match="keep one"):
        load_config({"llm_providers": [entry], "model_providers": [entry | {"name": "b"}]}, {})


EVERYTHING_OF_PLANO = """
version: v0.4.0
listeners:
  - {type: agent, name: travel, port: 8001, router: some_router, agents: [{id: a, description: d}]}
  - {type: model, name: llm, address: 0.0.0.0, port: 12000, timeout: 30s, max_retries: 3, input_filters: [guard]}
  - {type: prompt, name: functions, port: 10000}
agents: [{id: a, url: "http://localhost:1"}]
filters: [{id: guard, url: "http://localhost:2", type: http}]
endpoints: {app: {endpoint: "localhost:80", connect_timeout: 5ms}}
model_providers:
  - {model: openai/gpt-4o, access_key: $KEY, default: true, routing_preferences: [{name: n, description: d}]}
  - {model: openai/*, access_key: $KEY}
  - {model: anthropic/claude-x, access_key: $KEY, routing_preferences: [{name: n, description: d}]}
  - {model: azure_openai/gpt-5, access_key: $KEY, base_url: "https://r.openai.azure.com"}
  - {model: "amazon_bedrock/us.amazon.nova:0", access_key: $KEY, base_url: "https://bedrock-runtime.us-west-2.amazonaws.com"}
  - {model: ollama/llama3.1, base_url: "http://localhost:11434"}
  - {model: together_ai/openai/gpt-oss-20b, access_key: $KEY}
  - {model: custom/test, base_url: "http://localhost:11223", provider_interface: openai}
  - {model: litellm/*, base_url: "https://litellm.example.com", provider_interface: openai, passthrough_auth: true}
  - {model: plano/Orchestrator, base_url: "http://plano:10000"}
  - {model: moonshotai/kimi, access_key: $KEY, base_url: "https://api.kimi.com/coding/v1", headers: {User-Agent: x}}
  - {model: chatgpt/*}
model_aliases:
  fast.v1: {target: claude-x}
  nova: {target: "us.amazon.nova:0"}
model_metrics_sources: [{type: cost, provider: models.dev}]
routing_preferences: [{name: n, description: d, models: [openai/gpt-4o]}]
routing: {route_on_user_only: true}
overrides: {llm_routing_model: plano/Orchestrator}
prompt_caching: {enabled: true}
prompt_guards: {input_guards: {jailbreak: {on_exception: {message: m}}}}
prompt_targets: [{name: t, description: d, endpoint: {name: app, path: /, http_headers: {Authorization: $UNSET}}}]
ratelimits: [{model: openai/gpt-4o, selector: {key: k, value: v}, limit: {tokens: 1, unit: minute}}]
state_storage: {type: memory}
system_prompt: be kind
tracing: {random_sampling: 100, opentracing_grpc_endpoint: "http://jaeger:4317"}
mode: llm
"""


def test_a_plano_user_s_file_loads_with_one_warning_for_each_key_not_served(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, EVERYTHING_OF_PLANO), {"KEY": "k"})
    assert len(config.providers) == 12
    assert config.listeners[0].name == "llm"
    assert sorted(warning.path for warning in config.warnings) == sorted(
        [
            "listeners[0]",
            "listeners[1].input_filters",
            "listeners[2]",
            "agents",
            "filters",
            "endpoints",
            "model_providers[0].routing_preferences",
            "model_metrics_sources",
            "routing_preferences",
            "routing",
            "overrides",
            "prompt_caching",
            "prompt_guards",
            "prompt_targets",
            "system_prompt",
            "tracing.opentracing_grpc_endpoint",
            "mode",
        ]
    )
    assert "(2 places)" in str([each for each in config.warnings if "[0].routing" in each.path])


@pytest.mark.parametrize("path", sorted(ETC.glob("config_*.yaml")), ids=lambda path: path.name)
def test_the_examples_load_without_warnings(path: Path) -> None:
    names = ("OPENAI", "OPENAI_RESEARCH", "ANTHROPIC", "OPENROUTER", "AZURE_OPENAI", "ZHIPU")
    environ = {f"{name}_{what}": "k" for name in names for what in ("API_KEY", "KEY")}
    environ["SEARCH_TEAM_KEY"] = environ["METRICS_KEY"] = "0123456789abcdef"
    assert load_config(path, environ).warnings == ()


def test_the_mock_config_needs_no_environment() -> None:
    config = load_config(ETC / "config_mock_llm.yaml", {})
    assert [provider.id for provider in config.providers] == [
        "openai/gpt-5-mini-2025-08-07",
        "openai/gpt-4o-mini",
        "openai/o3",
        "openai/gpt-4o",
        "anthropic/claude-sonnet-4-20250514",
    ]
    assert config.providers[0].default
    assert config.aliases == {"arch.summarize.v1": "gpt-5-mini-2025-08-07", "arch.v1": "o3"}
    assert config.listeners[0].port == 12000
    assert config.providers[4].endpoints["messages"] == "http://localhost:51001/v1/messages"


KEYS = st.sampled_from(
    [
        "version",
        "listeners",
        "model_providers",
        "llm_providers",
        "model_aliases",
        "state_storage",
        "tracing",
        "type",
        "name",
        "address",
        "port",
        "timeout",
        "model",
        "access_key",
        "base_url",
        "default",
        "upstream_apis",
        "passthrough_auth",
        "headers",
        "http_host",
        "provider_interface",
        "target",
        "egress_traffic",
        "max_retries",
        "deployments",
        "fallbacks",
        "fallback_on",
        "timeouts",
        "retries",
        "health",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.binary(max_size=3)
    | st.sampled_from(
        ["openai/gpt-4o", "openai/*", "$HOME", "${X:-y}", "http://h/v1", "30s", "model"]
    )
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | SCALARS, inner, max_size=5),
    max_leaves=25,
)
ENTRIES = st.dictionaries(KEYS, VALUES, max_size=6).map(
    lambda entry: {"model": "openai/a", **entry}
)
CONFIGS = st.fixed_dictionaries(
    {"model_providers": st.lists(ENTRIES, min_size=1, max_size=3)},
    optional={
        "listeners": VALUES,
        "model_aliases": st.dictionaries(st.text(max_size=5), st.dictionaries(KEYS, SCALARS)),
        "state_storage": VALUES,
    },
)


def config_or_error(source: Any) -> None:
    try:
        assert isinstance(load_config(source, {"HOME": "/"}), Config)
    except ConfigError as error:
        assert error.problems
        assert str(error)


@given(VALUES | CONFIGS)
@settings(max_examples=150)
def test_any_value_is_a_config_or_a_config_error(value: Any) -> None:
    config_or_error(value if isinstance(value, dict) else {"model_providers": value})


@given(VALUES | CONFIGS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_yaml_is_a_config_or_a_config_error(tmp_path: Path, value: Any) -> None:
    config_or_error(write(tmp_path, yaml.safe_dump(value, allow_unicode=True)))


@given(st.text(alphabet=string.printable + "äß€\ufeff\u2028\x85", max_size=300) | st.text())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_config_or_a_config_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    config_or_error(path)


@given(st.text(alphabet="[]{}&*!|>'\"%@`-?:,# \nabc0<=.~", max_size=60))
@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_yaml_syntax_is_a_config_or_a_config_error(tmp_path: Path, text: str) -> None:
    config_or_error(write(tmp_path, text))
