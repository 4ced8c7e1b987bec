"""The promises of ``events`` (support.promises), whatever a reader calls."""

from hypothesis import given
from hypothesis import strategies as st
from support.promises import check_promises

from wsgi_gateway.protocols.aliases import Aliases
from wsgi_gateway.protocols.errors import ApiError
from wsgi_gateway.protocols.events import (
    Delta,
    Failed,
    Finished,
    PartEnded,
    PartStarted,
    Usage,
)
from wsgi_gateway.protocols.reply_builder import ReplyBuilder

calls = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(["text", "reasoning", "tool_call", "refusal"])),
        st.tuples(st.just("delta"), st.integers(0, 4)),
        st.tuples(st.just("close"), st.integers(0, 4)),
        st.tuples(st.just("usage"), st.integers(0, 4)),
    ),
    max_size=20,
)


def _open(builder: ReplyBuilder, kind: object) -> None:
    if kind == "tool_call":
        builder.open_call("call_1", "f")
    else:
        builder.open(kind)  # type: ignore[arg-type]


@given(calls, st.sampled_from(["stop", "tool_calls", "length", "fail"]))
def test_any_calls_give_a_legal_sequence(todo: list[tuple[str, object]], ending: str) -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    builder.start("other", "model")
    for name, value in todo:
        if name == "open":
            _open(builder, value)
        elif name == "delta":
            builder.delta(value, "x")  # type: ignore[arg-type]
        elif name == "close":
            builder.close(value)  # type: ignore[arg-type]
        else:
            builder.set_usage(Usage(input=1))
    if ending == "fail":
        builder.fail(ApiError("server", "no"))
    else:
        builder.finish(ending)  # type: ignore[arg-type]
    builder.finish("stop")
    builder.fail(ApiError("server", "no"))
    check_promises(builder.take())


def test_empty_arguments_become_an_empty_object() -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    part = builder.open_call("call_1", "f")
    builder.delta(part, "")
    builder.finish("stop")
    assert Delta(part, "{}") in builder.take()


def test_a_call_cut_short_by_a_limit_stays_as_it_is() -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    part = builder.open_call("call_1", "f")
    builder.delta(part, '{"a')
    builder.finish("length")
    events = builder.take()
    assert PartEnded(index=part, complete=False) in events
    assert events[-1] == Finished(reason="length")


def test_a_custom_tools_wrapped_input_is_unwrapped() -> None:
    aliases = Aliases()
    name = aliases.tool("apply_patch", custom=True)
    builder = ReplyBuilder(aliases)
    builder.start("id", "model")
    part = builder.open_call("call_1", name)
    for piece in ('{"inp', 'ut": "*** Begin', '\\nPatch"}'):
        builder.delta(part, piece)
    builder.finish("tool_calls")
    events = builder.take()
    assert Delta(part, "*** Begin\nPatch") in events
    assert any(isinstance(event, PartStarted) and event.custom for event in events)


def test_two_calls_never_share_an_id() -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    builder.open_call("call_1", "f")
    builder.open_call("call_1", "f")
    builder.finish("tool_calls")
    ids = [event.id for event in builder.take() if isinstance(event, PartStarted)]
    assert ids[0] == "call_1"
    assert len(set(ids)) == 2


def test_calls_are_to_be_run_whatever_regular_end_the_upstream_names() -> None:
    for reason in ("stop", "stop_sequence", "pause"):
        builder = ReplyBuilder(Aliases())
        builder.close(builder.open_call("call_1", "now"))
        builder.finish(reason, "END")  # type: ignore[arg-type]

        assert builder.take()[-1] == Finished(reason="tool_calls")


def test_nothing_is_said_after_the_end() -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    part = builder.open("text")
    builder.fail(ApiError("server", "sorry"))
    builder.delta(part, "late")
    builder.close(part)
    builder.close(builder.open_call("call_1", "now"))
    builder.finish("stop")

    assert isinstance(builder.take()[-1], Failed)


def test_a_call_without_a_name_fails_the_reply() -> None:
    builder = ReplyBuilder(Aliases())
    builder.start("id", "model")
    builder.delta(builder.open_call("call_1", ""), "{}")
    builder.finish("stop")

    assert isinstance(builder.take()[-1], Failed)


def test_a_reply_that_fails_before_its_start_says_only_that() -> None:
    builder = ReplyBuilder(Aliases())
    builder.set_usage(Usage(input=1))
    builder.fail(ApiError("server", "sorry"))

    assert [type(event) for event in builder.take()] == [Failed]
