"""Thoughts that come back although their client dropped them."""

from wsgi_gateway.protocols.conversation import Item, Message, Proof, Reasoning, Text, ToolCall
from wsgi_gateway.protocols.reply import Reply, ReplyPart, unfold
from wsgi_gateway.state.thoughts import ThoughtCache

PROOF = Proof(kind="signature", value="SIG", origin="prov")
FIRST = Reasoning(text="First.", proof=PROOF)
SECOND = Reasoning(text="Second.", proof=PROOF)
QUESTION = Message(role="user", parts=[Text(words="Hi")])
CALLS = [ToolCall(id=f"c{n}", name="f", arguments="{}") for n in (1, 2)]


def cache_after(*parts: ReplyPart, provider: str = "prov") -> ThoughtCache:
    cache = ThoughtCache()
    listener = cache.listen(provider, [QUESTION])
    reply = Reply(id="r", model="m", parts=list(parts), reason="tool_calls")
    listener.take_all(unfold(reply))
    return cache


def thought(item: Reasoning) -> ReplyPart:
    return ReplyPart(kind="reasoning", text=item.text, proof=item.proof)


def call(item: ToolCall) -> ReplyPart:
    return ReplyPart(kind="tool_call", id=item.id, name=item.name, text=item.arguments)


WHOLE = cache_after(thought(FIRST), call(CALLS[0]), thought(SECOND), call(CALLS[1]))


def test_thoughts_return_to_their_places() -> None:
    turn: list[Item] = [QUESTION, *CALLS]

    assert WHOLE.restore("prov", turn) == [QUESTION, FIRST, CALLS[0], SECOND, CALLS[1]]


def test_bare_text_of_thoughts_makes_place_for_the_proven_ones() -> None:
    bare = Reasoning(text="First.", proof=Proof(kind="none"))

    restored = WHOLE.restore("prov", [QUESTION, bare, *CALLS])

    assert restored == [QUESTION, FIRST, CALLS[0], SECOND, CALLS[1]]


def test_thoughts_that_the_client_kept_stay_as_they_are() -> None:
    turn: list[Item] = [QUESTION, SECOND, *CALLS]

    assert WHOLE.restore("prov", turn) == turn


def test_another_provider_gets_none() -> None:
    turn: list[Item] = [QUESTION, *CALLS]

    assert WHOLE.restore("other", turn) == turn


def test_calls_of_the_same_ids_in_another_conversation_get_none() -> None:
    turn: list[Item] = [Message(role="user", parts=[Text(words="Ho")]), *CALLS]

    assert WHOLE.restore("prov", turn) == turn


def test_other_calls_get_none() -> None:
    turn: list[Item] = [QUESTION, CALLS[0]]

    assert WHOLE.restore("prov", turn) == turn


def test_thoughts_without_proof_are_not_kept() -> None:
    bare = ReplyPart(kind="reasoning", text="Hm.", proof=Proof(kind="none", origin="prov"))

    turn: list[Item] = [QUESTION, CALLS[0]]

    assert cache_after(bare, call(CALLS[0])).restore("prov", turn) == turn


def test_thoughts_that_led_to_no_call_are_not_kept() -> None:
    cache = cache_after(thought(FIRST), ReplyPart(kind="text", text="Done."))
    said = Message(role="assistant", parts=[Text(words="Done.")])

    assert cache.restore("prov", [QUESTION, said]) == [QUESTION, said]
