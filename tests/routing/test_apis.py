"""Which API an upstream is spoken to with."""

import pytest

from wsgi_gateway.config import load_config
from wsgi_gateway.routing import choose_api


@pytest.mark.parametrize(
    ("model", "upstream_apis", "chosen"),
    [
        ("openai/m", None, ("chat_completions", "chat_completions", "responses")),
        ("anthropic/m", None, ("chat_completions", "messages", "chat_completions")),
        ("groq/m", None, ("chat_completions",) * 3),
        ("anthropic/m", ["messages"], ("messages",) * 3),
        ("vllm/m", ["responses", "messages"], ("responses", "messages", "responses")),
    ],
)
def test_the_client_s_own_or_else_the_first(
    model: str, upstream_apis: list[str] | None, chosen: tuple[str, str, str]
) -> None:
    entry = {"model": model, "access_key": "k", "upstream_apis": upstream_apis}
    (provider,) = load_config({"model_providers": [entry]}, {}).providers
    clients = ("chat_completions", "messages", "responses")
    assert tuple(choose_api(provider, client) for client in clients) == chosen
