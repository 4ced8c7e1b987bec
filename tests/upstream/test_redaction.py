"""What an upstream's error quotes of a provider's secrets."""

from __future__ import annotations

import pytest

from wsgi_gateway.config import Provider, load_config
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.upstream import redacted, without_key

KEY = "sk/own+key=0123"
TOKEN = "tenant-token-4567"


def provider(**more: object) -> Provider:
    entry = {"model": "mine/m", "base_url": "http://h", "access_key": KEY, **more}
    return load_config({"model_providers": [entry]}, {}).providers[0]


@pytest.mark.parametrize(
    "quoted",
    [
        KEY,
        f"Bearer {KEY}",
        f"https://h/v1?key={KEY}&alt=sse",
        "https://h/v1?key=sk%2Fown%2Bkey%3D0123",
        "sk\\/own+key=0123",
        f"x-tenant-token: {TOKEN}",
        f"Authorization was Basic {TOKEN}!",
        f"{KEY}{TOKEN}",
    ],
)
def test_a_secret_in_any_form(quoted: str) -> None:
    own = provider(
        headers={"x-tenant-token": TOKEN, "x-other-auth": f"Basic {TOKEN}", "x-team": "the team"}
    )
    error = ApiError("server", f"refused: {quoted}", param=quoted, code=quoted)
    texts = [
        without_key(quoted.encode(), own).decode(),
        *filter(None, (lambda told: (told.message, told.param, told.code))(redacted(error, own))),
    ]
    assert len(texts) == 4
    for text in texts:
        assert "****" in text
        for part in ("own", "0123", TOKEN):
            assert part not in text


def test_other_words_stay() -> None:
    own = provider(access_key="k", headers={"x-team": "the team", "x-api-key-kind": "a"})
    error = ApiError("server", "the team has no key: a k")
    assert redacted(error, own).message == "the team has no key: a k"
    nothing = provider(access_key=None)
    assert without_key(b"****", nothing) == b"****"
