"""Where a client's key is looked for."""

from wsgi_gateway.access.credentials import keys_in


def test_every_header_that_sdks_use_and_the_gateway_s_own_first() -> None:
    headers = {
        "api-key": "four",
        "x-api-key": "three",
        "authorization": "Bearer two",
        "x-gateway-key": " one ",
        "cookie": "none",
    }
    assert keys_in(headers) == [
        ("x-gateway-key", "one"),
        ("authorization", "two"),
        ("x-api-key", "three"),
        ("api-key", "four"),
    ]


def test_a_scheme_in_any_case_and_none() -> None:
    assert keys_in({"authorization": "bearer  k "}) == [("authorization", "k")]
    assert keys_in({"authorization": "k"}) == [("authorization", "k")]
    assert keys_in({"user-agent": "x"}) == []
