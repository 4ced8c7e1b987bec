"""What an upstream says is what its reader tells, in the vendor's own form and in those that hosts bend it to."""

from __future__ import annotations

from hypothesis import given
from support.asks import canonical
from support.dice import Dice, dice
from support.generated_replies import Said
from support.generated_streams import draw_stream
from support.pairs import UPSTREAMS
from support.properties import thorough
from support.streams import Api
from support.translated import heard

from wsgi_gateway.protocols.decoding import parse_arguments
from wsgi_gateway.protocols.reply import ReplyPart, fold


def told(part: Said | ReplyPart) -> tuple[str, str, str]:
    """Kind, name and text, arguments by their values: a host may send them as an object."""
    text = part.text
    if part.kind == "tool_call" and not part.custom and parse_arguments(text) is not None:
        text = canonical(text)
    return part.kind, part.name, text


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_what_was_said_is_told(upstream_api: Api, dice: Dice) -> None:
    stream = draw_stream(dice, upstream_api, bent=True)
    said = [part for part in stream.plan.parts if part.pieces or part.kind == "web_search"]

    reply = fold(heard(upstream_api, stream.data, 64))

    heard_parts = [part for part in reply.parts if part.text or part.kind == "web_search"]
    assert [told(part) for part in heard_parts] == [told(part) for part in said]
