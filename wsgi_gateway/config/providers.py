"""The table of known providers, read from providers.yaml; that file says what each column means.

A new provider is a new row there, never code here.
"""

import functools
from collections.abc import Mapping
from importlib import resources

import msgspec
import yaml
from msgspec import Struct

from wsgi_gateway.config.model import Api


class KnownProvider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row."""

    title: str
    apis: dict[Api, str]
    docs: str
    url: str | None = None
    upstream_apis: tuple[Api, ...] = ("chat_completions",)
    upstream_apis_of_followers: tuple[Api, ...] = ()
    auth: dict[Api, str] = {}
    key_variables: tuple[str, ...] = ()
    key_required: bool = True
    url_variable: str | None = None
    passthrough_auth: bool = False
    models: tuple[str, ...] = ()
    query: str | None = None
    apis_with_query: dict[Api, str] = {}

    def auth_of(self, api: Api) -> tuple[str, str]:
        """The header of the key, and what precedes the key in it."""
        header = self.auth.get(api, "authorization")
        return header, "Bearer " if header == "authorization" else ""

    def makes(self, model: str) -> bool:
        """Whether the id is one of its own models."""
        return model.startswith(self.models)


UNKNOWN = KnownProvider(
    title="",
    docs="",
    apis={"chat_completions": "/v1", "messages": "/v1", "responses": "/v1"},
    auth={"messages": "x-api-key"},
    key_required=False,
)
"""What holds for a provider that is not in the table and follows none that is."""


@functools.cache
def known_providers() -> Mapping[str, KnownProvider]:
    """The table, by the word that stands before the slash in a config's ``model``."""
    text = resources.files(__package__).joinpath("providers.yaml").read_text("utf-8")
    # Either of them is safe.
    rows = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # nosec B506
    return msgspec.convert(rows, dict[str, KnownProvider])
