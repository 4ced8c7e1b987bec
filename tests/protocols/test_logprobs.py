"""Log probabilities as hosts bend them."""

from typing import Any

import pytest

from wsgi_gateway.protocols.logprobs import read_logprobs

WHOLE = {"token": "a", "logprob": -0.5, "bytes": [97]}


def test_a_token_keeps_what_is_known_of_it() -> None:
    assert read_logprobs([{**WHOLE, "top_logprobs": [WHOLE], "rank": 1}]) == [
        {**WHOLE, "top_logprobs": [WHOLE]}
    ]


@pytest.mark.parametrize("top", [None, True, "text", [None, "text"], {}])
def test_odd_alternatives_are_none(top: Any) -> None:
    assert read_logprobs([{**WHOLE, "top_logprobs": top}]) == [{**WHOLE, "top_logprobs": []}]


def test_what_a_host_leaves_out_is_null() -> None:
    token = {"token": "a", "logprob": None, "bytes": None, "top_logprobs": []}

    assert read_logprobs([{"token": "a"}]) == [token]


@pytest.mark.parametrize("given", [None, True, "text", {}, [None, "text", 1]])
def test_no_tokens(given: Any) -> None:
    assert read_logprobs(given) == []
