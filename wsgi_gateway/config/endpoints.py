"""The base_url rule: which URLs a provider's APIs have.

Where base_url has no path, the provider's own prefixes are used. Where it has one, that path replaces them the way
each API's SDK does it: OpenAI's append ``/chat/completions`` and ``/responses``, Anthropic's ``/v1/messages``.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from msgspec import Struct

from wsgi_gateway.config.model import Api
from wsgi_gateway.config.providers import KnownProvider

_TAILS: Mapping[Api, str] = {
    "chat_completions": "/chat/completions",
    "messages": "/messages",
    "responses": "/responses",
}
_URL = re.compile(r"[!-~]+")
_DEPLOYMENTS = "/deployments/"


class BaseUrl(Struct, frozen=True):
    """A base_url taken apart. ``query`` is "" or the one parameter that the provider allows, ``name=value``."""

    origin: str
    host: str
    path: str = ""
    query: str = ""


class BadBaseUrl(ValueError):
    """``args``: what is wrong, and what to write instead. Never the URL itself, which may hold a password."""


def parse_base_url(text: str, row: KnownProvider) -> BaseUrl:
    """``text`` taken apart; raises BadBaseUrl."""
    if not re.match(r"https?://", text, re.IGNORECASE):
        raise BadBaseUrl("must begin with http:// or https://", None)
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise BadBaseUrl("not a URL: its host or port is malformed", None) from None
    if not _URL.fullmatch(text) or not host or port == 0:
        raise BadBaseUrl("not a URL: host missing, port 0, or a character not allowed there", None)
    if "@" in url.netloc:
        raise BadBaseUrl("has a user name or password in it", "give the key as access_key")
    if url.fragment or text.endswith("#"):
        raise BadBaseUrl("has a #fragment", "remove it")
    path = re.sub(r"/+$", "", url.path)
    for tail in _TAILS.values():
        if path.endswith(tail):
            raise BadBaseUrl(f"ends in an API's own path, {tail}", f"remove {tail} from its end")
    _check_query(url.query, path, row)
    return BaseUrl(f"{url.scheme}://{url.netloc}", host, path, url.query)


def _check_query(query: str, path: str, row: KnownProvider) -> None:
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    if row.query is None and query:
        raise BadBaseUrl("has a ?query", "remove it; keys belong in access_key")
    if row.query is not None and query and (names != [row.query] or query.endswith("=")):
        raise BadBaseUrl(f"has a ?query other than {row.query}", f"?{row.query}=… is allowed")
    if row.query is not None and not query and _DEPLOYMENTS in f"{path}/":
        raise BadBaseUrl(
            f"has a {_DEPLOYMENTS} path but no ?{row.query}=…",
            "add it, or remove the path to use the v1 API",
        )


def endpoints_of(
    base: BaseUrl, row: KnownProvider, apis: Iterable[Api], model: str
) -> dict[str, str]:
    """API -> URL of its POST. ``{model}`` is filled in unless ``model`` is "*"."""
    query = f"?{base.query}" if base.query else ""
    urls: dict[str, str] = {
        api: f"{base.origin}{_prefix(base, row, api)}{_TAILS[api]}{query}" for api in apis
    }
    if model == "*":
        return urls
    return {api: url.replace("{model}", quote(model, safe="")) for api, url in urls.items()}


def _prefix(base: BaseUrl, row: KnownProvider, api: Api) -> str:
    with_query = row.apis_with_query if base.query else {}
    if not base.path:
        return with_query.get(api) or row.apis.get(api, "/v1")
    if api == "messages":
        return base.path.removesuffix("/v1") + "/v1"
    if "{model}" not in with_query.get(api, "{model}"):
        # Azure has one Responses endpoint for all deployments.
        return base.path.partition(_DEPLOYMENTS)[0]
    return base.path
