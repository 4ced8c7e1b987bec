"""Which headers cross, and whose key."""

import pytest
from requests.structures import CaseInsensitiveDict

from wsgi_gateway.config import Provider, Secret, load_config
from wsgi_gateway.upstream import reply_headers, request_headers


def provider(**more: object) -> Provider:
    entry = {"model": "openai/m", "access_key": "own", "base_url": "http://h", **more}
    return load_config({"version": "v0.4.0", "model_providers": [entry]}, {}).providers[0]


CLIENT = {"Authorization": "Bearer theirs", "X-Api-Key": "theirs", "Cookie": "a=b", "X-Evil": "1"}


def test_only_the_providers_own_key_goes_upstream() -> None:
    sent = request_headers(provider(), "chat_completions", CLIENT, same_api=True)
    assert sent["authorization"] == "Bearer own"
    assert not {"x-api-key", "cookie", "x-evil"} & sent.keys()


@pytest.mark.parametrize(
    ("api", "given", "sent"),
    [
        ("chat_completions", {"X-Api-Key": "k"}, {"authorization": "Bearer k"}),
        ("chat_completions", {"Authorization": "Bearer k"}, {"authorization": "Bearer k"}),
        ("messages", {"Authorization": "Bearer k"}, {"authorization": "Bearer k"}),
        ("messages", {"X-Api-Key": "k"}, {"x-api-key": "k"}),
        ("messages", {}, {}),
    ],
)
def test_a_key_that_is_handed_on(api: str, given: dict[str, str], sent: dict[str, str]) -> None:
    handing = provider(access_key=None, passthrough_auth=True, upstream_apis=[api])
    headers = request_headers(handing, api, given, same_api=True)
    keys = ("authorization", "x-api-key", "api-key")
    assert {name: value for name, value in headers.items() if name in keys} == sent


def test_what_changes_the_meaning_goes_on_only_to_the_same_api() -> None:
    client = {"anthropic-version": "2026-10-21", "anthropic-beta": "x"}
    asked = provider(upstream_apis=["messages"])
    native = request_headers(asked, "messages", client, same_api=True)
    assert (native["anthropic-version"], native["anthropic-beta"]) == ("2026-10-21", "x")
    translated = request_headers(asked, "messages", client, same_api=False)
    assert translated["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in translated


def test_configured_headers_win_and_the_host_is_overridden() -> None:
    named = provider(headers={"User-Agent": "mine"}, http_host="inner.example")
    sent = request_headers(named, "chat_completions", {}, same_api=True)
    assert (sent["user-agent"], sent["host"]) == ("mine", "inner.example")


@pytest.mark.parametrize(
    "said",
    [
        "application/json; charset=utf-8",
        "application/vnd.example.2031+json",
        "Application/JSON;profile=x",
    ],
)
def test_a_json_type_goes_on_as_it_came_to_the_same_api(said: str) -> None:
    client = {"Content-Type": said}
    passed = request_headers(provider(), "chat_completions", client, same_api=True)
    translated = request_headers(provider(), "chat_completions", client, same_api=False)
    assert (passed["content-type"], translated["content-type"]) == (said, "application/json")


@pytest.mark.parametrize(
    "said", ["application/x-www-form-urlencoded", "text/plain", "application/jsonlines", ""]
)
def test_json_is_called_json_whatever_the_client_calls_it(said: str) -> None:
    passed = request_headers(provider(), "responses", {"Content-Type": said}, same_api=True)
    assert passed["content-type"] == "application/json"


def test_reply_headers_are_filtered_and_request_ids_have_both_names() -> None:
    sent = {"Request-Id": "req_1", "Retry-After": "3", "Set-Cookie": "a=b", "Server": "x"}
    assert reply_headers(CaseInsensitiveDict(sent), "messages") == {
        "request-id": "req_1",
        "x-request-id": "req_1",
        "retry-after": "3",
    }


def test_limits_keep_their_names_and_get_the_clients() -> None:
    sent = CaseInsensitiveDict({"X-RateLimit-Limit-Tokens": "9"})
    own, other = {"x-ratelimit-limit-tokens": "9"}, {"anthropic-ratelimit-tokens-limit": "9"}
    assert reply_headers(sent, "chat_completions") == reply_headers(sent, "responses") == own
    assert reply_headers(sent, "messages") == own | other


def test_secrets_print_as_stars() -> None:
    assert "own" not in repr(provider())
    assert str(Secret("own")) == "****"
