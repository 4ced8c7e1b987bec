"""Events made once for many texts are those that are made one by one."""

from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols import sse
from wsgi_gateway.protocols.decoding import encode
from wsgi_gateway.protocols.envelope import NUMBER, TEXT, Envelope, NumberedEnvelope

ODD = ('","', '",', ',"', '"', "\\", '\\","', "\0", "\1", "%b", "%", "\n\n", "data: ", "😀", "a")
TEXTS = st.lists(st.sampled_from(ODD) | st.text(st.characters(codec="utf-8")), min_size=1)
NAMES = st.sampled_from((*ODD, "gpt-5"))


@given(TEXTS, NAMES)
def test_as_many_events_as_texts(texts: list[str], model: str) -> None:
    envelope = Envelope({"model": model, "delta": {"text": TEXT}, "usage": None}, "delta")

    expected = [{"model": model, "delta": {"text": text}, "usage": None} for text in texts]
    assert envelope.write(texts) == b"".join(sse.encode(encode(e), "delta") for e in expected)


@given(TEXTS, NAMES, st.integers(0, 10**6))
def test_numbers_go_up(texts: list[str], item: str, first: int) -> None:
    envelope = NumberedEnvelope({"sequence_number": NUMBER, "item_id": item, "delta": TEXT}, "x")

    expected = [
        {"sequence_number": number, "item_id": item, "delta": text}
        for number, text in enumerate(texts, first)
    ]
    assert envelope.write(texts, first) == b"".join(sse.encode(encode(e), "x") for e in expected)
