"""What becomes of a request that cannot be translated exactly: ``translation.on_loss``.

Here: the same lossy requests under the three policies, from clients of all three APIs. Not here: what is lost,
and where (tests/protocols/test_loss_matrix.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from conftest import GatewayFactory
from support.asks import Ask, user
from support.dialects import Clients
from support.gateway import config, provider
from support.loss_cases import BASE
from support.pairs import APIS, PLAIN_AND_STREAM, check_error_body, reply_to
from support.places import changed
from support.reply_streams import told_stream
from support.streams import Answer, Api, Json
from support.upstream import Reply, Request, Upstream, json_reply, sse_reply
from support.validators import check

ASK = Ask((user("Hello"),))
ANSWER = Answer("Hello!")


@dataclass(frozen=True)
class Lossy:
    """A request, the field that is only approximated, and a hint that is dropped."""

    client_api: Api
    upstream_api: Api
    approximated: Json
    path: str
    hint: Json = field(default_factory=dict)


_DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "Hi"},
}
LOSSY = pytest.mark.parametrize(
    "lossy",
    [
        Lossy("chat_completions", "messages", {"temperature": 1.7}, "temperature", {"seed": 7}),
        Lossy(
            "messages",
            "responses",
            {"messages": [{"role": "user", "content": [_DOCUMENT]}]},
            "messages[0].content[0]",
            {"diagnostics": {"previous_message_id": None}},
        ),
        Lossy(
            "responses",
            "chat_completions",
            {"tools": [{"type": "function", "name": "later", "async": True}]},
            "tools[0].async",
            {"prompt_cache_key": "k"},
        ),
    ],
    ids=lambda lossy: lossy.client_api,
)


@pytest.fixture(scope="module")
def clients(gateway_factory: GatewayFactory, session_upstream: Upstream) -> Clients:
    """Clients of a gateway whose file says ``reject``, with entries that say otherwise."""
    entries = [
        provider(
            session_upstream.base_url,
            api,
            model=f"scripted/{api}-{policy}",
            name=f"{api}-{policy}",
            **own,
        )
        for api in APIS
        for policy, own in _POLICIES.items()
    ]
    return Clients(gateway_factory(config(*entries, translation={"on_loss": "reject"})).base_url)


_POLICIES: dict[str, Json] = {
    "reject": {},
    "warn": {"translation": {"on_loss": "warn"}},
    "ignore": {"translation": {"on_loss": "ignore"}},
}


@LOSSY
@PLAIN_AND_STREAM
def test_warn_lists_what_was_done(
    upstream: Upstream, clients: Clients, lossy: Lossy, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, lossy.upstream_api, ANSWER))
    fields = lossy.approximated | lossy.hint

    answer = clients.raw(
        lossy.client_api, f"{lossy.upstream_api}-warn", ASK, stream=stream, **fields
    )

    assert answer.status_code == 200
    warning = answer.headers["x-gateway-warning"]
    assert f"{lossy.path};approximated: " in warning
    assert all(f"{name};dropped" in warning for name in lossy.hint)


@LOSSY
@PLAIN_AND_STREAM
def test_reject_names_the_field_in_the_client_s_dialect(
    upstream: Upstream, clients: Clients, lossy: Lossy, stream: bool
) -> None:
    answer = clients.raw(
        lossy.client_api, f"{lossy.upstream_api}-reject", ASK, stream=stream, **lossy.approximated
    )

    assert answer.status_code == 400
    error = check_error_body(lossy.client_api, answer.content)
    assert error["message"].startswith(f"{lossy.path}: cannot be translated exactly: ")
    assert error.get("param") == (None if lossy.client_api == "messages" else lossy.path)
    assert upstream.requests == []


@LOSSY
def test_reject_lets_dropped_hints_pass_and_lists_them(
    upstream: Upstream, clients: Clients, lossy: Lossy
) -> None:
    upstream.script(lambda request: reply_to(request, lossy.upstream_api, ANSWER))

    answer = clients.raw(lossy.client_api, f"{lossy.upstream_api}-reject", ASK, **lossy.hint)

    assert answer.status_code == 200
    (hint,) = lossy.hint
    assert f"{hint};dropped" in answer.headers["x-gateway-warning"]


@LOSSY
@PLAIN_AND_STREAM
def test_ignore_says_nothing(
    upstream: Upstream, clients: Clients, lossy: Lossy, stream: bool
) -> None:
    upstream.script(lambda request: reply_to(request, lossy.upstream_api, ANSWER))
    fields = lossy.approximated | lossy.hint

    answer = clients.raw(
        lossy.client_api, f"{lossy.upstream_api}-ignore", ASK, stream=stream, **fields
    )

    assert answer.status_code == 200
    assert "x-gateway-warning" not in answer.headers
    assert b"x-gateway-warning" not in answer.content


# --- what is lost of a reply, which is known too late for a stream's header

LATE = pytest.mark.parametrize(
    ("client_api", "upstream_api", "odd"),
    [
        ("chat_completions", "messages", {"stop_reason": "pause_turn"}),
        (
            "messages",
            "responses",
            {"status": "incomplete", "incomplete_details": {"reason": "max_messages"}},
        ),
        ("responses", "chat_completions", {"choice.finish_reason": "of_2031"}),
    ],
    ids=["chat_completions", "messages", "responses"],
)


def _odd_reply(request: Request, upstream_api: Api, odd: Json) -> Reply:
    reply = changed(BASE["replies"][upstream_api], odd, upstream_api)
    if request.json.get("stream"):
        return sse_reply(told_stream(upstream_api, reply, []))
    return json_reply(reply)


@LATE
def test_a_stream_tells_in_a_comment_what_a_full_reply_tells_in_the_header(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, odd: Json
) -> None:
    upstream.script(lambda request: _odd_reply(request, upstream_api, odd))
    model = f"{upstream_api}-warn"

    full = clients.raw(client_api, model, ASK)
    stream = clients.raw(client_api, model, ASK, stream=True)

    warning = full.headers["x-gateway-warning"]
    assert ";approximated: " in warning
    assert "x-gateway-warning" not in stream.headers
    assert f": x-gateway-warning: {warning}\n".encode() in stream.content
    assert check(client_api, stream.content, usage_asked=False) in {"finished", "incomplete"}


@LATE
@PLAIN_AND_STREAM
def test_ignore_keeps_silent_about_replies_too(
    upstream: Upstream,
    clients: Clients,
    client_api: Api,
    upstream_api: Api,
    odd: Json,
    stream: bool,
) -> None:
    upstream.script(lambda request: _odd_reply(request, upstream_api, odd))

    answer = clients.raw(client_api, f"{upstream_api}-ignore", ASK, stream=stream)

    assert answer.status_code == 200
    assert "x-gateway-warning" not in answer.headers
    assert b"x-gateway-warning" not in answer.content


@LATE
def test_reject_does_not_refuse_a_reply_that_was_paid_for(
    upstream: Upstream, clients: Clients, client_api: Api, upstream_api: Api, odd: Json
) -> None:
    upstream.script(lambda request: _odd_reply(request, upstream_api, odd))

    answer = clients.raw(client_api, f"{upstream_api}-reject", ASK)

    assert answer.status_code == 200
    assert ";approximated: " in answer.headers["x-gateway-warning"]
