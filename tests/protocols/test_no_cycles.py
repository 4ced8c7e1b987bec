"""What one exchange makes goes with its end: no cycle holds a long history until the garbage collector comes."""

from __future__ import annotations

import weakref

import pytest
from support.collecting import uncollected
from support.events import translation
from support.pairs import GOLDEN, GOLDEN_ANSWERS, PLAIN_AND_STREAM, TRANSLATED
from support.streams import PLAIN, Api

from wsgi_gateway.protocols.conversation import Conversation
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.table import PROTOCOLS
from wsgi_gateway.protocols.translation import Translation


def told(client_api: Api, task: Translation, upstream_api: Api) -> None:
    reader = PROTOCOLS[upstream_api].stream_reader(task)
    asked = Conversation(api=client_api, model="asked")
    writer = PROTOCOLS[client_api].stream_writer(asked, task.loss)
    for at in range(0, len(GOLDEN[upstream_api]), 700):
        writer.write(reader.feed(GOLDEN[upstream_api][at : at + 700]))
    writer.write(reader.finish())
    assert reader.ended


def answered(client_api: Api, task: Translation, upstream_api: Api) -> None:
    body = PLAIN[upstream_api](GOLDEN_ANSWERS[upstream_api])
    events = PROTOCOLS[upstream_api].read_reply(body, task)
    asked = Conversation(api=client_api, model="asked")
    assert PROTOCOLS[client_api].write_reply(fold(events), asked, task.loss)


@TRANSLATED
@PLAIN_AND_STREAM
def test_nothing_is_left_to_the_garbage_collector(
    client_api: Api, upstream_api: Api, stream: bool
) -> None:
    """The loss knows every item of the request, and each of the parties knows the loss."""
    exchange = told if stream else answered
    task = translation(client_api)
    here = weakref.ref(task.loss)
    with uncollected():
        exchange(client_api, task, upstream_api)
        del task
        assert here() is None


@pytest.mark.parametrize("api", PROTOCOLS)
def test_neither_is_a_tap(api: Api) -> None:
    tap = PROTOCOLS[api].tap()
    here = weakref.ref(tap)
    with uncollected():
        tap.feed(GOLDEN[api])
        del tap
        assert here() is None
