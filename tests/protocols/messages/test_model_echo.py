"""The alias in native replies."""

from pathlib import Path

from wsgi_gateway.protocols.messages.model_echo import rename_reply, renaming

GOLDEN = (Path(__file__).parents[2] / "golden" / "messages.sse").read_bytes()


def test_only_the_first_name_in_a_stream_changes() -> None:
    start = GOLDEN + b'data: {"model":"gw-model"}\n\n'
    change = renaming('my "alias"')
    assert change(start) == start.replace(b'"model":"gw-model"', b'"model":"my \\"alias\\""', 1)
    assert change(start) == start


def test_pings_and_comments_may_come_before_the_name() -> None:
    change = renaming("alias")
    for before in (b'event: ping\ndata: {"type":"ping"}\n\n', b": one moment\n\n"):
        assert change(before) == before
    assert change(GOLDEN) == GOLDEN.replace(b'"model":"gw-model"', b'"model":"alias"', 1)


def test_a_full_reply_keeps_all_else() -> None:
    body = b'{"content":[{"input":{"model":"x","n":1.0}}],"model": "real","n":12345678901234567890}'
    assert (
        rename_reply(body, "alias")
        == b'{"content":[{"input":{"model":"x","n":1.0}}],"model": "alias","n":12345678901234567890}'
    )
    assert rename_reply(b'{"error":{}}', "alias") == b'{"error":{}}'
