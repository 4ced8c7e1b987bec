"""The small routes: model listings in both vendors' shapes, health, the probes of agents."""

from __future__ import annotations

import anthropic
import httpx2
import openai
import pytest
from conftest import GatewayFactory
from support.dialects import Clients
from support.gateway import GatewayProcess, config, provider

ALIAS = "fast"


@pytest.fixture(scope="module")
def aliased(gateway_factory: GatewayFactory) -> Clients:
    """Clients of a gateway with two models, an alias and a wildcard."""
    nowhere = "http://127.0.0.1:9"
    wildcard = provider(nowhere, "chat_completions", model="groq/*", name="all-of-groq")
    gateway = gateway_factory(
        config(
            provider(nowhere, "chat_completions", default=True),
            provider(nowhere, "messages"),
            wildcard,
            model_aliases={ALIAS: {"target": "messages-model"}},
        )
    )
    return Clients(gateway.base_url)


def test_openai_client_lists_models_and_aliases(aliased: Clients) -> None:
    listing = aliased.openai.models.list()

    ids = [model.id for model in listing.data]
    assert listing.object == "list"
    assert {"only-chat_completions", "only-messages", ALIAS} <= set(ids)
    assert len(ids) == len(set(ids))
    assert {model.object for model in listing.data} == {"model"}
    assert all(model.owned_by and isinstance(model.created, int) for model in listing.data)


def test_anthropic_client_lists_models_and_aliases(aliased: Clients) -> None:
    page = aliased.anthropic.models.list()

    assert {"only-chat_completions", "only-messages", ALIAS} <= {m.id for m in page.data}
    assert {model.type for model in page.data} == {"model"}
    assert all(model.display_name and model.created_at for model in page.data)
    assert page.has_more is False
    assert page.first_id == page.data[0].id
    assert page.last_id == page.data[-1].id


@pytest.mark.parametrize("name", ["messages-model", "only-messages", ALIAS])
def test_one_model(aliased: Clients, name: str) -> None:
    assert aliased.openai.models.retrieve(name).id == name
    assert aliased.anthropic.models.retrieve(name).id == name


def test_one_model_with_a_slash_in_its_name(aliased: Clients) -> None:
    name = "scripted-messages/messages-model"
    assert httpx2.get(f"{aliased.base_url}/v1/models/{name}").json()["id"] == name


def test_unknown_model_is_not_found_in_both_dialects(clients: Clients) -> None:
    with pytest.raises(openai.NotFoundError) as failure:
        clients.openai.models.retrieve("mesages-model")
    assert failure.value.code == "model_not_found"
    assert "messages-model" in failure.value.message

    with pytest.raises(anthropic.NotFoundError) as other_failure:
        clients.anthropic.models.retrieve("mesages-model")
    assert other_failure.value.type == "not_found_error"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_succeed(gateway: GatewayProcess, method: str, path: str) -> None:
    answer = httpx2.request(method, gateway.base_url + path)

    assert answer.status_code == 200
    assert (answer.content == b"") == (method == "HEAD")


def test_listing_tells_nothing_of_keys_and_addresses(aliased: Clients) -> None:
    text = httpx2.get(f"{aliased.base_url}/v1/models").text

    assert "sk-provider" not in text
    assert "127.0.0.1" not in text
