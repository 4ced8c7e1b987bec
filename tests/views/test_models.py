"""Pages of the models in Anthropic's form. Not here: what is listed (tests/integration/test_models.py)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from support.streams import Json

from wsgi_gateway import create_app

_MODELS = [
    {"model": f"openai/m{number}", "access_key": "k", "name": f"m{number}"} for number in range(5)
]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app({"version": "v0.4.0", "model_providers": _MODELS}).test_client()


def page(client: FlaskClient, query: str) -> Json:
    answer = client.get(f"/v1/models?{query}", headers={"anthropic-version": "2023-06-01"})
    assert answer.status_code == 200, answer.text
    body: Json = answer.json or {}
    return body


@pytest.mark.parametrize(
    ("query", "ids", "has_more"),
    [
        ("", "m0 m1 m2 m3 m4", False),
        ("limit=2", "m0 m1", True),
        ("limit=2&after_id=m1", "m2 m3", True),
        ("limit=2&after_id=m3", "m4", False),
        ("limit=2&before_id=m3", "m1 m2", True),
        ("limit=9&before_id=m3", "m0 m1 m2", False),
        ("after_id=gone&limit=1", "m0", True),
    ],
)
def test_pages(client: FlaskClient, query: str, ids: str, has_more: bool) -> None:
    got = page(client, query)
    assert " ".join(entry["id"] for entry in got["data"]) == ids
    assert got["has_more"] is has_more
    assert (got["first_id"], got["last_id"]) == (ids.split()[0], ids.split()[-1])


@pytest.mark.parametrize(
    "limit", ["0", "1001", "-1", "abc", "1.5", "٢", "9" * 5000, "000000001" + "9" * 5000]
)
def test_a_limit_that_is_none(client: FlaskClient, limit: str) -> None:
    answer = client.get(
        "/v1/models", query_string={"limit": limit}, headers={"anthropic-version": "2023-06-01"}
    )
    assert answer.status_code == 400
    assert (answer.json or {})["error"]["message"] == "limit: must be from 1 to 1000"
