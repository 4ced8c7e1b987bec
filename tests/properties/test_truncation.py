"""An upstream that breaks off anywhere: its client hears what came, then the dialect's failure, never a regular end."""

from __future__ import annotations

from hypothesis import given
from support.dice import Dice, dice
from support.generated_streams import draw_stream
from support.pairs import UPSTREAMS
from support.properties import thorough
from support.relayed import client_events, clients_of, delivered, relayed
from support.streams import Api
from support.validators import check


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_whatever_is_cut_off_ends_in_failure(upstream_api: Api, dice: Dice) -> None:
    stream = draw_stream(dice, upstream_api, bent=True)
    data = stream.data[: dice.place(stream.data[: stream.whole_at])]

    for client_api in clients_of(stream.plan):
        got = relayed(client_api, upstream_api, dice.chunks(data))

        if client_api == upstream_api:
            assert got.error or ends_in_failure(got.stream)
        else:
            assert got.error or check(client_api, got.stream) == "failed"


def ends_in_failure(raw: bytes) -> bool:
    """Whether a stream that passed through, with all its oddities, ends as the gateway ends one that broke off."""
    _, last = client_events(raw)[-1]
    return bool(last.get("error")) or last["type"] in ("error", "response.failed")


@UPSTREAMS
@given(dice=dice(300))
@thorough
def test_what_came_is_delivered_before_the_failure(upstream_api: Api, dice: Dice) -> None:
    stream = draw_stream(dice, upstream_api, bent=False, custom=False)
    cut = dice.place(stream.data[: stream.whole_at])
    said = stream.said_before(cut)

    for client_api in clients_of(stream.plan):
        got = relayed(client_api, upstream_api, dice.chunks(stream.data[:cut]))

        came = without_gaps(delivered(got.stream))
        if stream.plan == stream.plan.sequential() or client_api == upstream_api:
            assert came == without_gaps(said)
        elif client_api != "messages" and upstream_api == "chat_completions":
            # `{}` of one call may be told behind what another says: only then is it known to be all
            assert sorted(came) == sorted(without_gaps(said))
        elif client_api != "messages":
            assert came == without_gaps(said)
        else:  # blocks come one at a time: what overlaps the open one is held back
            whole = without_gaps(stream.plan.sequential().text)
            assert whole.startswith(came)


def without_gaps(text: str) -> str:
    """Without the blank lines that Chat gets between texts, since it has one place for all of them."""
    return text.replace("\n\n", "")
