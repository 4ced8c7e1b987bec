"""Secrets stay out of every text that is made of them."""

import copy
import pickle

import pytest

from wsgi_gateway.config.secret import Secret, SecretHeaders


def test_a_secret_prints_as_stars() -> None:
    secret = Secret("sk-very-secret")
    for text in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>8}",
        f"{[secret]}",
    ):
        assert "very" not in text
        assert "****" in text


def test_a_secret_is_revealed_when_asked() -> None:
    assert Secret("sk-1").reveal() == "sk-1"


def test_secrets_compare_by_value_and_with_nothing_else() -> None:
    assert Secret("käse") == Secret("käse")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert not Secret("")
    assert Secret("a")


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("a"))
    with pytest.raises(TypeError):
        copy.copy(Secret("a"))


def test_headers_print_their_names_only() -> None:
    headers = SecretHeaders({"x-key": "sk-very-secret"})
    assert repr(headers) == str(headers) == "{'x-key': ****}"
    assert headers["x-key"] == "sk-very-secret"
