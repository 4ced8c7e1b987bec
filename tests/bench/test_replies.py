"""The canned upstream's answers are legal: else a gateway would be measured while it fails."""

from __future__ import annotations

import pytest
from support.validators import check

from bench.cases import APIS, EVENTS, Api
from bench.replies import ENDS, LAST_WORD, REPLIES, words


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("events", EVENTS[:2])
def test_a_canned_stream_pleases_the_judge(api: Api, events: int) -> None:
    stream = REPLIES[api](f"{api}-{events}").stream(words(events))
    assert check(api, stream, usage_asked=True) == "finished"
    assert ENDS[api] in stream and LAST_WORD.strip().encode() in stream
