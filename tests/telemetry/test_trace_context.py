"""W3C Trace Context: which headers of a client name a trace, and what an upstream is told."""

from __future__ import annotations

import pytest

from wsgi_gateway.telemetry.trace_context import (
    Parent,
    Trace,
    new_span_id,
    new_trace_id,
    read_parent,
    read_state,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("traceparent", "is_sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),  # a flag of level 2
        (f"cc-{TRACE}-{SPAN}-01", True),  # a version yet to come
        (f"cc-{TRACE}-{SPAN}-00-what-ever", False),
    ],
)
def test_a_parent(traceparent: str, is_sampled: bool) -> None:
    assert read_parent(traceparent) == Parent(TRACE, SPAN, is_sampled)


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN}-01\r\nx-evil: 1",
        "00-" + "x" * 10_000,
    ],
)
def test_what_names_no_parent(traceparent: str | None) -> None:
    assert read_parent(traceparent) is None


def test_other_vendors_words_are_passed_on_if_they_can_be() -> None:
    assert read_state("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7") is not None
    for state in (None, "", "a=b\r\nx: y", "a=\x7f", "a=ü", "a=" + "x" * 600):
        assert read_state(state) is None


def test_an_upstream_is_told_who_calls_it() -> None:
    trace = Trace(trace_id=TRACE, span_id=new_span_id(), is_sampled=True)
    assert trace.headers(SPAN) == {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    trace = Trace(trace_id=TRACE, span_id=new_span_id(), is_sampled=False, state="a=b")
    assert trace.headers(SPAN) == {
        "traceparent": f"00-{TRACE}-{SPAN}-00",
        "tracestate": "a=b",
    }


def test_new_ids_are_such_as_others_accept() -> None:
    made = {f"00-{new_trace_id()}-{new_span_id()}-01" for _ in range(100)}
    assert len(made) == 100
    assert all(read_parent(traceparent) for traceparent in made)
