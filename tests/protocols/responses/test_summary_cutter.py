"""A reply that is a summary, as the client of a compaction gets it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.events import (
    Delta,
    Deltas,
    Event,
    Failed,
    Finished,
    FinishReason,
    PartEnded,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.responses import write_reply
from wsgi_gateway.protocols.responses.compaction import Compaction, unseal_compaction
from wsgi_gateway.protocols.responses.summary_cutter import SummaryCutter

USAGE = UsageReported(Usage(input=9, output=5))
SUMMED_UP: list[Event] = [
    Started(id="msg_1", model="m"),
    PartStarted(index=0, kind="reasoning"),
    Delta(0, "Hm."),
    PartEnded(index=0),
    PartStarted(index=1, kind="text"),
    Delta(1, "\nThey "),
    Deltas(1, ["met", ".\n"]),
    PartEnded(index=1),
    PartStarted(index=2, kind="refusal"),
    Delta(2, "No."),
    PartEnded(index=2),
    PartStarted(index=3, kind="text"),
    Delta(3, "Twice."),
    PartEnded(index=3),
    USAGE,
    Finished(reason="stop"),
]


@given(st.lists(st.integers(0, len(SUMMED_UP)), max_size=4).map(sorted))
def test_the_texts_become_one_compaction(cuts: list[int]) -> None:
    cutter = SummaryCutter()
    pieces = [SUMMED_UP[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]

    told = [event for piece in pieces for event in cutter.cut(piece)]

    assert told == [
        Started(id="msg_1", model="m"),
        PartStarted(index=0, kind="compaction"),
        Delta(0, "They met.\nTwice."),
        PartEnded(index=0),
        USAGE,
        Finished(reason="stop"),
    ]
    assert cutter.ended


def test_without_usage_it_is_told_at_the_end() -> None:
    told = SummaryCutter().cut([event for event in SUMMED_UP if event is not USAGE])
    assert [type(event) for event in told[-2:]] == [PartEnded, Finished]


@pytest.mark.parametrize(
    "said",
    [
        [],
        [PartStarted(index=0, kind="text"), Delta(0, " \n"), PartEnded(index=0)],
        [PartStarted(index=0, kind="tool_call", id="c", name="f"), PartEnded(index=0)],
    ],
)
def test_a_reply_without_a_summary_fails(said: list[Event]) -> None:
    cutter = SummaryCutter()
    told = cutter.cut([SUMMED_UP[0], *said, USAGE, Finished(reason="tool_calls")])
    assert told[:2] == [SUMMED_UP[0], USAGE]
    assert isinstance(told[2], Failed)
    assert told[2].error.kind == "upstream_invalid"
    assert cutter.ended


@pytest.mark.parametrize(
    ("reason", "told"),
    [("length", "length"), ("content_filter", "content_filter"), ("pause", "stop")],
)
def test_a_summary_that_was_cut_short_says_so(reason: FinishReason, told: FinishReason) -> None:
    assert SummaryCutter().cut([*SUMMED_UP[:-1], Finished(reason=reason)])[-1] == Finished(
        reason=told
    )


def test_what_failed_stays_failed() -> None:
    failed: Any = Failed(Exception("x"))  # type: ignore[arg-type]
    assert SummaryCutter().cut([SUMMED_UP[0], failed]) == [SUMMED_UP[0], failed]


def test_it_is_written_as_an_item() -> None:
    reply = fold(SummaryCutter().cut(SUMMED_UP))
    loss = Loss("responses")
    response = write_reply(reply, Conversation(api="responses", model="m"), loss)
    (item,) = response["output"]
    assert unseal_compaction(item["encrypted_content"], "") == Compaction("They met.\nTwice.")
    assert loss.entries == []
