"""The alias in native replies."""

from pathlib import Path

from wsgi_gateway.protocols.messages.model_echo import rename_reply, rename_stream

GOLDEN = (Path(__file__).parents[2] / "golden" / "messages.sse").read_bytes()


def test_only_the_first_name_in_a_stream_changes() -> None:
    start = GOLDEN + b'data: {"model":"gw-model"}\n\n'
    renamed = rename_stream(start, 'my "alias"')
    assert renamed == start.replace(b'"model":"gw-model"', b'"model":"my \\"alias\\""', 1)


def test_a_full_reply_keeps_all_else() -> None:
    body = b'{"content":[{"input":{"model":"x","n":1.0}}],"model": "real","n":12345678901234567890}'
    assert (
        rename_reply(body, "alias")
        == b'{"content":[{"input":{"model":"x","n":1.0}}],"model": "alias","n":12345678901234567890}'
    )
    assert rename_reply(b'{"error":{}}', "alias") == b'{"error":{}}'
