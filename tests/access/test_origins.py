"""Which pages are of other sites."""

from __future__ import annotations

import pytest

from wsgi_gateway.access.origins import is_foreign_page

HOST = "127.0.0.1:12000"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://evil.example:12000",
        "null",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "http://[evil",
        "http://10.0.0.1",
        "http://",
    ],
)
def test_a_page_of_another_site(origin: str) -> None:
    assert is_foreign_page({"origin": origin, "host": HOST})


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://127.0.0.1:12000",
        "http://localhost:3000",
        "https://app.localhost",
        "http://[::1]:8080",
        "http://127.9.9.9",
        "file://",
        "vscode-webview://x",
        "app://obsidian.md",
    ],
)
def test_what_is_on_this_machine(origin: str | None) -> None:
    headers = {"host": HOST} | ({} if origin is None else {"origin": origin})
    assert not is_foreign_page(headers)


def test_a_page_of_the_host_that_is_asked() -> None:
    """Behind a proxy of this machine."""
    headers = {"origin": "https://llm.example", "host": "llm.example"}
    assert not is_foreign_page(headers)
