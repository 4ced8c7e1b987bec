"""What of a conversation goes when it is too long: the oldest, in whole turns, and no more than must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.exchange.truncation import shortened
from wsgi_gateway.protocols.conversation import (
    Conversation,
    Item,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.token_count import estimate

MODEL = "gpt-4o"
WORDS = "one two three four five six seven eight nine ten " * 10


def user(text: str = WORDS) -> Message:
    return Message(role="user", parts=[Text(words=text)])


def system(text: str = WORDS) -> Message:
    return Message(role="system", parts=[Text(words=text)])


def answer(text: str = WORDS) -> Message:
    return Message(role="assistant", parts=[Text(words=text)])


def call(name: str) -> ToolCall:
    return ToolCall(id=name, name="look", arguments="{}")


def result(name: str) -> ToolResult:
    return ToolResult(call_id=name, parts=[Text(words=WORDS)])


def conversation(*items: Item) -> Conversation:
    return Conversation(
        api="responses", model=MODEL, instructions=[Text(words="Be brief.")], items=[*items]
    )


def tokens(*items: Item) -> int:
    return estimate(conversation(*items), MODEL).tokens


def cut(*items: Item, message: str = "too long") -> list[Item] | None:
    shorter = shortened(conversation(*items), ApiError("context_length", message), MODEL)
    return None if shorter is None else shorter.items


def over(surplus: int) -> str:
    """A refusal that tells by how many tokens it was too much."""
    return f"maximum context length is 10000 tokens, but you asked for {10_000 + surplus}"


def test_half_goes_where_the_limit_is_not_told() -> None:
    turns: list[Item] = [user(), answer()] * 4
    assert cut(*turns) == turns[:4]


@pytest.mark.parametrize(
    "message",
    [
        over(100),
        "prompt is too long: 10,100 tokens > 10,000 maximum",
        "claude-x-20250514: prompt is too long: 10100 tokens > 10000 maximum",
        "maximum context length is 10000 tokens. However, you requested 10100 tokens (9100 in the "
        "messages, 1000 in the completion)",
        "The input token count (10100) exceeds the maximum number of tokens allowed (10000).",
    ],
)
def test_no_more_goes_than_must(message: str) -> None:
    turns: list[Item] = [user(), answer()] * 8
    assert tokens(*turns[:2]) > 100 + tokens(*turns) // 20
    assert cut(*turns, message=message) == turns[2:]


def test_instructions_stay() -> None:
    rules, more = system("Speak Latin."), Message(role="developer", parts=[Text(words="Loudly.")])
    last = user("Hi")
    assert cut(rules, user(), more, answer(), last) == [rules, more, last]
    shorter = shortened(conversation(user(), last), ApiError("context_length", ""), MODEL)
    assert shorter is not None and shorter.instructions == [Text(words="Be brief.")]


@pytest.mark.parametrize("only", [user(), system()])
def test_nothing_goes_of_a_single_message(only: Message) -> None:
    assert cut(only) is None


def test_nothing_goes_of_an_empty_conversation() -> None:
    assert cut() is None


def test_an_agent_s_oldest_rounds_go_but_its_task_stays() -> None:
    task = user("Mend it.")
    first = [Reasoning(text=WORDS), call("a"), call("b"), result("a"), result("b")]
    second = [answer(), call("c"), result("c")]
    last = [Reasoning(text="Hm."), call("d"), result("d")]
    assert cut(task, *first, *second, *last, message=over(100)) == [task, *second, *last]
    assert cut(task, *first, *second, *last, message=over(1000)) == [task, *last]


def test_a_call_never_stays_without_its_result() -> None:
    """A user may speak while a call runs."""
    items = [user(), call("a"), user("Hurry"), result("a"), answer(), user(), answer(), user("Hi")]
    assert cut(*items, message=over(30)) == items[5:]


ITEMS = st.sampled_from(["user", "system", "answer", "calls", "thought"])


@given(kinds=st.lists(ITEMS, min_size=1, max_size=12), surplus=st.integers(1, 2000))
def test_what_stays_is_an_order_that_upstreams_take(kinds: list[str], surplus: int) -> None:
    items: list[Item] = []
    for number, kind in enumerate(kinds):
        one, two = f"{number}a", f"{number}b"
        made: dict[str, list[Item]] = {
            "user": [user()],
            "system": [system()],
            "answer": [answer()],
            "calls": [call(one), call(two), result(two), result(one)],
            "thought": [Reasoning(text=WORDS)],
        }
        items += made[kind]

    kept = cut(*items, message=over(surplus))

    if kept is None:
        return
    assert len(kept) < len(items)
    places = [next(i for i, whole in enumerate(items) if whole is item) for item in kept]
    assert places == sorted(places) and places[-1] == len(items) - 1
    calls = [item.id for item in kept if isinstance(item, ToolCall)]
    results = [item.call_id for item in kept if isinstance(item, ToolResult)]
    assert sorted(calls) == sorted(results)
    for role in ("system", "user"):
        said = [item for item in items if isinstance(item, Message) and item.role == role]
        stayed = [item for item in kept if isinstance(item, Message) and item.role == role]
        assert said[-1:] == stayed[-1:] if role == "user" else len(said) == len(stayed)
