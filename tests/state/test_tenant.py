"""Who is the same client, and who is not."""

from wsgi_gateway.state import tenant_of


def test_a_key_is_the_same_in_every_header_that_sdks_use() -> None:
    keys = [
        {"authorization": "Bearer sk-1"},
        {"authorization": "bearer sk-1 "},
        {"x-api-key": "sk-1"},
        {"api-key": "sk-1"},
        {"authorization": "", "x-api-key": "sk-1"},
    ]
    (tenant,) = {tenant_of(headers) for headers in keys}
    assert "sk-1" not in tenant


def test_other_keys_and_none_are_others() -> None:
    headers = [{"authorization": "Bearer sk-1"}, {"authorization": "Bearer sk-2"}, {}]
    assert len({tenant_of(given) for given in headers}) == 3
    assert tenant_of({"user-agent": "x"}) == tenant_of({}) == ""
    assert tenant_of({"x-api-key": "half \udc80"}) != ""
