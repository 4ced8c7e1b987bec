"""Who is let in, for what, and how a refusal is told."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from wsgi_gateway import load_config
from wsgi_gateway.access import Admission, Permit, open_admission
from wsgi_gateway.access.windows import Counters, CountersDown
from wsgi_gateway.config import Config
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import Usage

KEY = "sk-0123456789abcdef"
HEADERS = {"x-api-key": KEY}


def config(key: dict[str, Any] | None = None, **more: Any) -> Config:
    providers = [
        {"model": "openai/gpt-4o", "name": "big", "access_key": "k"},
        {"model": "anthropic/*", "access_key": "k"},
    ]
    access = {"keys": [{"id": "a", "key": KEY, **key}]} if key is not None else {}
    return load_config({"model_providers": providers, "access": access, **more}, {})


def admission(**key: Any) -> Admission:
    return Admission(config(key))


def admit(
    gate: Admission,
    asked: str | None = "gpt-4o",
    model: str = "gpt-4o",
    provider: int = 0,
    headers: dict[str, str] = HEADERS,
) -> Permit | None:
    caller = gate.identify(headers)
    return gate.admit(caller, "responses", headers, asked, config().providers[provider], model)


def test_what_is_open_has_no_admission_at_all() -> None:
    assert open_admission(config()) is None
    assert open_admission(config({})) is not None
    assert open_admission(config(access={"key_file": "none.json"})) is not None


def test_a_key_without_limits_needs_nothing_counted() -> None:
    assert admit(admission()) is None


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x"}, {"x-api-key": ""}])
def test_who_has_no_key(headers: dict[str, str]) -> None:
    with pytest.raises(ApiError) as told:
        admission().identify(headers)
    assert told.value.kind == "authentication"


def test_without_keys_everybody_is_nobody() -> None:
    limit = {"model": "gpt-4o", "selector": {"key": "x"}, "limit": {"tokens": 1, "unit": "day"}}
    gate = Admission(config(ratelimits=[limit]))
    assert gate.identify({}) is None
    assert gate.tenant_of({}) is None
    assert gate.without_keys(HEADERS) == HEADERS


@pytest.mark.parametrize(
    ("globs", "asked", "allowed"),
    [
        (["gpt-4o"], "gpt-4o", True),
        (["gpt-4o"], "alias-of-it", True),
        (["alias*"], "alias-of-it", True),
        (["openai/*"], "gpt-4o", True),
        (["big"], None, True),
        (["gpt-4", "GPT-4O", "openai"], "gpt-4o", False),
        (["o", "*/gpt"], "gpt-4o", False),
        (["claude*", "gpt-?o"], "gpt-4o", True),
    ],
)
def test_models_by_any_of_their_names(globs: list[str], asked: str | None, allowed: bool) -> None:
    gate = admission(models=globs)
    for _ in range(2):
        if allowed:
            assert admit(gate, asked) is None
        else:
            with pytest.raises(ApiError) as told:
                admit(gate, asked)
            assert (told.value.kind, told.value.param) == ("permission", "model")


def test_models_of_a_wildcard() -> None:
    gate = admission(models=["anthropic/claude-3*"])
    assert admit(gate, "claude-3-opus", "claude-3-opus", 1) is None
    with pytest.raises(ApiError):
        admit(gate, "claude-2", "claude-2", 1)
    with pytest.raises(ApiError):
        admit(gate, "claude-" + "9" * 100_000, "claude-" + "9" * 100_000, 1)


def test_concurrency_is_given_back() -> None:
    gate = admission(concurrency=2)
    permits = [admit(gate), admit(gate)]
    with pytest.raises(ApiError) as told:
        admit(gate)
    assert (told.value.kind, told.value.headers) == ("rate_limit", {"retry-after": "1"})
    for permit in permits:
        assert permit is not None
        permit.close()
        permit.close()
    assert gate._in_flight == {}


def test_a_refused_request_is_under_way_no_more() -> None:
    gate = admission(concurrency=5, requests="1/h")
    first = admit(gate)
    for _ in range(9):
        with pytest.raises(ApiError, match="limit of 1 requests in 3600 seconds"):
            admit(gate)
    assert first is not None
    first.close()
    assert gate._in_flight == {}


def test_usage_counts_for_the_next() -> None:
    gate = admission(tokens="10/h", requests="9/h")
    permit = admit(gate)
    assert permit is not None
    assert permit.headers["x-ratelimit-remaining-tokens"] == "10"
    permit.begin("openai", "gpt-4o", 4)
    permit.take_full(Usage(input=8, output=1), 0)
    permit.close()
    permit = admit(gate)
    assert permit is not None
    assert permit.headers["x-ratelimit-remaining-tokens"] == "1"
    permit.begin("openai", "gpt-4o", 4)
    permit.take_full(Usage(input=0, output=1), 0)
    permit.close()
    with pytest.raises(ApiError, match="limit of 10 tokens") as told:
        admit(gate)
    assert told.value.headers["x-ratelimit-remaining-tokens"] == "0"
    assert int(told.value.headers["retry-after"]) > 0


@pytest.mark.parametrize("requests", [["2/h", "100/60m"], ["100/60m", "2/h"]])
def test_of_two_limits_for_the_same_time_the_tighter_counts(requests: list[str]) -> None:
    gate = admission(requests=requests)
    remaining = []
    for _ in range(2):
        permit = admit(gate)
        assert permit is not None
        remaining.append(permit.headers["x-ratelimit-remaining-requests"])
    assert remaining == ["1", "0"]
    with pytest.raises(ApiError, match="limit of 2 requests in 3600 seconds"):
        admit(gate)


def test_tokens_count_once_whatever_they_are_limited_by() -> None:
    gate = admission(tokens=["100/h", "1000/60m"])
    permit = admit(gate)
    assert permit is not None
    permit.begin("openai", "gpt-4o", 4)
    permit.take_full(Usage(input=60), 0)
    permit.close()
    permit = admit(gate)
    assert permit is not None
    assert permit.headers["x-ratelimit-remaining-tokens"] == "40"


def test_a_budget_is_told_as_a_quota() -> None:
    gate = admission(budget="0.01/d")
    permit = admit(gate)
    assert permit is not None
    assert permit.headers == {}
    permit.begin("openai", "gpt-4o", 4)
    permit.take_full(Usage(output=1000), 0)
    permit.close()
    with pytest.raises(ApiError, match="budget of this API key is used up") as told:
        admit(gate)
    assert told.value.kind == "quota"


class Dead(Counters):
    def admit(self, gauges: Any) -> Any:  # noqa: ARG002
        raise CountersDown

    def add(self, amounts: Any) -> None:  # noqa: ARG002
        raise CountersDown


@pytest.mark.parametrize("choice", ["open", "closed"])
def test_where_nothing_can_be_counted(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    access = {
        "keys": [{"id": "a", "key": KEY, "requests": "1/h", "concurrency": 1}],
        "on_limiter_failure": choice,
    }
    gate = Admission(config(access=access))
    monkeypatch.setattr(gate, "_counters", Dead())
    for _ in range(3):
        if choice == "open":
            permit = admit(gate)
            assert permit is not None
            assert not permit.counts_usage
            assert permit.headers == {}
            permit.close()
        else:
            with pytest.raises(ApiError) as told:
                admit(gate)
            assert (told.value.kind, told.value.code) == ("overloaded", "limits_unavailable")
    assert gate._in_flight == {}


def test_counters_that_die_before_the_end_harm_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = admission(tokens="10/h")
    permit = admit(gate)
    assert permit is not None
    permit.begin("openai", "gpt-4o", 4)
    monkeypatch.setattr(gate, "_counters", Dead())
    permit.close()


def test_state_belongs_to_the_client_and_not_to_the_key() -> None:
    access = {
        "keys": [
            {"id": "a", "key": KEY},
            {"id": "a", "key": "another-0123456789"},
            {"id": "b", "key": "third-0123456789"},
        ]
    }
    gate = Admission(config(access=access))
    keys = [KEY, "another-0123456789", "third-0123456789"]
    tenants = [gate.tenant_of({"authorization": f"Bearer {key}"}) for key in keys]
    assert tenants == ["client a", "client a", "client b"]
    with pytest.raises(ApiError):
        gate.tenant_of({})


def test_a_key_of_the_gateway_is_passed_on_in_no_header() -> None:
    headers = {
        "authorization": f"Bearer {KEY}",
        "x-api-key": "the provider's",
        "x-gateway-key": KEY,
        "accept": "*/*",
    }
    kept = admission().without_keys(headers)
    assert kept == {"x-api-key": "the provider's", "accept": "*/*"}


def test_what_is_not_configured_is_not_imported() -> None:
    code = (
        "import sys; from wsgi_gateway import create_app; create_app({'model_providers': ["
        "{'model': 'openai/gpt-4o', 'access_key': 'k'}], 'access': {'keys': ["
        f"{{'id': 'a', 'key': '{KEY}', 'requests': '1/h'}}]}}}});"
        "print([name for name in ('limits', 'redis', 'genai_prices') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


# --- Plano's ratelimits


def limited(*selectors: tuple[str, str, str | None, int]) -> Admission:
    limits = [
        {
            "model": model,
            "selector": {"key": header, **({"value": value} if value else {})},
            "limit": {"tokens": tokens, "unit": "hour"},
        }
        for model, header, value, tokens in selectors
    ]
    return Admission(config(ratelimits=limits))


def use(gate: Admission, tokens: int, **headers: str) -> None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    permit = admit(gate, headers=given)
    if permit is not None:
        permit.begin("openai", "gpt-4o", 0)
        permit.take_full(Usage(input=tokens), 0)
        permit.close()


def test_a_limit_is_for_requests_with_the_header() -> None:
    gate = limited(("openai/gpt-4o", "X-Team", None, 10), ("other", "x-team", None, 1))
    for _ in range(3):
        use(gate, 10)
    use(gate, 10, x_team="one")
    with pytest.raises(ApiError, match="limit of 10 tokens"):
        use(gate, 1, x_team="one")
    use(gate, 10, x_team="two")


def test_the_value_s_own_limit_goes_first() -> None:
    gate = limited(("gpt-4o", "x-team", None, 10), ("gpt-4o", "x-team", "rich", 100))
    for _ in range(10):
        use(gate, 10, x_team="rich")
    with pytest.raises(ApiError, match="limit of 100 tokens"):
        use(gate, 1, x_team="rich")


def test_all_headers_of_a_request_count() -> None:
    gate = limited(("gpt-4o", "x-team", None, 10), ("gpt-4o", "x-user", None, 20))
    use(gate, 10, x_team="t", x_user="u")
    use(gate, 10, x_user="u")
    for header in ("x_team", "x_user"):
        with pytest.raises(ApiError):
            use(gate, 1, **{header: header[2]})


def test_what_was_used_counts_under_another_config() -> None:
    before = admission(requests="2/h", concurrency=1)
    permit = admit(before)
    assert permit is not None
    after = Admission(config({"requests": "3/h", "concurrency": 1}), before)
    with pytest.raises(ApiError, match="under way"):
        admit(after)
    permit.close()
    for _ in range(2):
        permit = admit(after)
        assert permit is not None
        permit.close()
    with pytest.raises(ApiError, match="limit of 3 requests"):
        admit(after)
