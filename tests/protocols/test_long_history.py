"""The history of a long request: read when it is asked for, and what is wrong in it told as ever."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw
from support.pairs import CLIENTS
from support.streams import Api, Json

from wsgi_gateway.protocols.decoding import convert
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.long_history import convert_request, opened
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.table import PROTOCOLS

LONG = "x" * 100


class Asked(msgspec.Struct):
    said: list[str]


def test_a_history_is_read_once() -> None:
    fields: Json = {"model": "m", "said": Raw(b'["x"]')}
    whole = opened(fields, "said")
    assert whole == {"model": "m", "said": ["x"]}
    assert opened(whole, "said") is whole
    assert opened({"model": "m"}, "said") == {"model": "m"}


def test_what_cannot_be_decoded_as_told_is_read_whole() -> None:
    fields: Json = {"said": Raw(b'["x",1]')}

    def decode(json: Raw) -> list[str]:
        return msgspec.json.decode(json, type=list[str])

    with pytest.raises(ApiError) as told:
        convert_request(fields, Asked, "said", decode)
    with pytest.raises(ApiError) as as_ever:
        convert({"said": ["x", 1]}, Asked)
    assert (told.value.message, told.value.param) == (as_ever.value.message, "said[1]")
    assert as_ever.value.param == "said[1]"


@CLIENTS
def test_texts_of_a_history_stay_json(client_api: Api) -> None:
    history = PROTOCOLS[client_api].history
    said: Json = {"role": "user", "content": [{"type": "text", "text": LONG}]}
    body = {"model": "m", "max_tokens": 9, history: Raw(msgspec.json.encode([said]))}
    (item,) = PROTOCOLS[client_api].read_request(body, Loss(client_api)).items
    (part,) = msgspec.structs.asdict(item)["parts"]
    assert part.words == Raw(msgspec.json.encode(LONG))
    assert part.text == LONG == part.words
