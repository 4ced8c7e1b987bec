"""The loss record and the header that tells it."""

import pytest

from wsgi_gateway.protocols.conversation import Message, Text
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.loss import Loss


def test_nothing_lost_is_no_header() -> None:
    assert Loss("messages").header() is None


def test_paths_are_in_the_clients_terms() -> None:
    loss = Loss("messages")
    loss.approximated("stop", "cut")
    loss.dropped("seed")
    assert loss.header() == "stop_sequences;approximated: cut, seed;dropped: no such field upstream"


def test_the_same_loss_is_told_once() -> None:
    loss = Loss("responses")
    loss.dropped("cache_control")
    loss.dropped("cache_control")
    assert len(loss.entries) == 1


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(ApiError) as caught:
        Loss("chat_completions").refuse("max_output_tokens", "too small")
    assert caught.value.kind == "invalid_request"
    assert caught.value.param == "max_completion_tokens"
    assert "max_completion_tokens" in caught.value.message


def test_the_header_is_one_line_of_bounded_ascii() -> None:
    loss = Loss("responses")
    for number in range(500):
        loss.approximated(f"input[{number}]", "über\r\nx-evil: 1")
    header = loss.header()
    assert header is not None
    assert len(header) <= 4096
    assert header.isascii() and "\n" not in header and "\r" not in header


def test_what_is_made_of_a_thing_stands_where_that_does() -> None:
    loss = Loss("messages")
    part, block = ["a part"], {"type": "text"}
    loss.at("messages[0].content[1]", part)
    assert loss.follow(part, block) is block
    loss.dropped(loss.follow(block, {"mode": "made of the block"}))
    loss.dropped(loss.follow(["nobody knows"], {"type": "image"}))
    assert [entry.path for entry in loss.entries] == ["messages[0].content[1]", "messages"]


def test_an_item_and_its_first_part_have_their_own_places() -> None:
    loss = Loss("messages")
    said = loss.around("messages[3]", ".content[0]", Message(role="user", parts=[Text(words="x")]))
    loss.dropped(said.parts[0], "a")
    loss.dropped(said, "b")
    loss.dropped(loss.follow(said.parts[0], object()), "c")
    paths = [entry.path for entry in loss.entries]
    assert paths == ["messages[3].content[0]", "messages[3]", "messages[3].content[0]"]
