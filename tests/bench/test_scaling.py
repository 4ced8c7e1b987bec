"""The capacity model, on figures that follow it: what it predicts, and how far off a measurement is."""

from __future__ import annotations

import pytest

from bench.capacity import Burst, Paced
from bench.cases import JSON, MESSAGES_JSON, Case
from bench.measured import ROUTES
from bench.scaling import (
    CHECKED,
    FITTED,
    PACED_EVENTS,
    PREDICTED,
    ROUNDS,
    STREAMS,
    Figures,
    checks,
    page,
)

FIXED, EVENT, ALONE, AROUND, CORES = 200.0, 2.0, 50.0, 100.0, 1.8


def figures(more: float) -> Figures:
    """Every figure of two workers is so many times what the model says."""
    made = Figures()

    def told(workers: int, case: Case, cost: float) -> None:
        rate = CORES / (cost + AROUND) * 1e6
        made.bursts[workers, case] = [Burst(cost, AROUND, rate, CORES)] * ROUNDS

    for workers, factor in ((1, 1.0), (2, more)):
        for case in (JSON, MESSAGES_JSON):
            told(workers, case, FIXED * factor)
    for client, _ in ROUTES:
        for events in FITTED:
            told(1, Case(client, "chat_completions", events), FIXED + events * EVENT)
        predicted = Case(client, "chat_completions", PREDICTED)
        told(1, predicted, FIXED + PREDICTED * EVENT)
        told(2, predicted, (FIXED + PREDICTED * EVENT) * more)
        paced = Case(client, "chat_completions", PACED_EVENTS)
        for streams in STREAMS:
            made.paced[1, paced, streams] = [Paced(ALONE, 20_000)] * ROUNDS
        made.paced[2, paced, 2 * CHECKED] = [Paced(ALONE * more, 20_000)] * ROUNDS
    return made


def test_two_workers_like_the_model_differ_by_nothing() -> None:
    assert [check.difference for check in checks(figures(1.0))] == pytest.approx([0] * 10)


def test_two_workers_that_cost_more_are_seen() -> None:
    found = {check.name: check for check in checks(figures(1.5))}
    stream = found["300-event stream, Chat, CPU us"]
    assert (stream.predicted, stream.measured) == pytest.approx((800, 1200))
    assert stream.difference == pytest.approx(0.5)
    rate = found["300-event stream, Chat, requests/s"]
    assert (rate.predicted, rate.measured) == pytest.approx((1.8e6 / 900, 1.8e6 / 1300))
    alone = found["an event that arrives alone, Chat, CPU us"]
    assert (alone.predicted, alone.measured) == pytest.approx((50, 75))


def test_a_slow_round_does_not_count() -> None:
    made = figures(1.0)
    made.bursts[2, JSON][-1] = Burst(FIXED * 9, AROUND, 1, CORES)
    assert [check.difference for check in checks(made)] == pytest.approx([0] * 10)


def test_page_has_the_model_and_the_check() -> None:
    told = page(figures(1.1))
    assert "\n| Chat | 200 | 2.00 | 1.0000 | 50 | 50 | 20 |\n" in told
    assert "\n| 300-event stream, Chat, CPU us | 800 | 880 | +10% |\n" in told
