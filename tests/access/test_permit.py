"""What one request is charged, whichever way it ends."""

from __future__ import annotations

import pytest

from wsgi_gateway.access.permit import Permit
from wsgi_gateway.protocols.events import (
    Delta,
    Deltas,
    Event,
    Finished,
    PartStarted,
    Started,
    Usage,
    UsageReported,
)

TOLD = Usage(input=7, output=5, cache_read=2)


class Charged:
    """A permit, and what was charged with it."""

    def __init__(self) -> None:
        self.charges: list[tuple[str, str, Usage]] = []
        self.releases = 0
        self.permit = Permit({}, lambda *charge: self.charges.append(charge), self._release)

    def _release(self) -> None:
        self.releases += 1

    @property
    def usage(self) -> Usage:
        self.permit.close()
        self.permit.close()
        assert self.releases == 1
        ((kind, model, usage),) = self.charges
        assert (kind, model) == ("openai", "gpt-4o")
        return usage

    def begin(self) -> Permit:
        self.permit.begin("openai", "gpt-4o", 400)
        return self.permit


class Ear:
    def __init__(self, usage: Usage | None, ended: bool, events: int) -> None:
        self.usage, self.ended, self.events = usage, ended, events


def test_a_request_that_was_never_answered_costs_nothing() -> None:
    charged = Charged()
    charged.permit.close()
    assert (charged.charges, charged.releases) == ([], 1)


def test_a_full_reply_s_usage_or_its_size() -> None:
    charged = Charged()
    charged.begin().take_full(TOLD, 4000)
    assert charged.usage == TOLD
    charged = Charged()
    charged.begin().take_full(None, 4000)
    assert charged.usage == Usage(input=100, output=1000)


def test_an_answer_that_came_to_nothing() -> None:
    charged = Charged()
    charged.begin().take_full(TOLD, 4000)
    charged.permit.forgive()
    charged.permit.close()
    assert (charged.charges, charged.releases) == ([], 1)
    charged = Charged()
    charged.begin().take_full(TOLD, 4000)
    charged.begin().told_by(Ear(TOLD, True, 9))
    charged.begin()
    assert charged.usage == Usage(input=100, output=0)


@pytest.mark.parametrize(
    ("ear", "usage"),
    [
        (Ear(TOLD, True, 900), TOLD),
        (Ear(None, True, 9), Usage(input=100, output=9)),
        (Ear(None, False, 9), Usage(input=100, output=9)),
        (Ear(Usage(input=7, output=1), False, 9), Usage(input=7, output=9)),
        (Ear(TOLD, False, 3), TOLD),
    ],
)
def test_a_stream_s_usage_or_its_events(ear: Ear, usage: Usage) -> None:
    charged = Charged()
    charged.begin().told_by(ear)
    assert charged.usage == usage


def test_a_translated_stream_s_usage_or_its_deltas() -> None:
    start: list[Event] = [
        Started(id="1", model="m", usage=Usage(input=50)),
        PartStarted(index=0, kind="text"),
    ]
    pieces: list[list[Event]] = [start, [Delta(0, "a")], [Deltas(0, ["b", "c"])]]
    end: list[Event] = [UsageReported(TOLD), Finished(reason="stop")]
    charged = Charged()
    assert list(charged.begin().take_all(pieces)) == pieces
    assert charged.usage == Usage(input=50, output=3)
    charged = Charged()
    assert list(charged.begin().take_all([*pieces, end])) == [*pieces, end]
    assert charged.usage == TOLD


def test_an_answer_that_served_another_is_charged_too() -> None:
    charged = Charged()
    charged.begin().take([UsageReported(TOLD)])
    charged.permit.end_one()
    charged.permit.begin("anthropic", "claude", 40)
    charged.permit.take([UsageReported(Usage(input=1, output=2))])
    charged.permit.close()
    assert charged.charges == [
        ("openai", "gpt-4o", TOLD),
        ("anthropic", "claude", Usage(input=1, output=2)),
    ]


def test_it_is_charged_whatever_becomes_of_the_other() -> None:
    charged = Charged()
    charged.begin().take([UsageReported(TOLD)])
    charged.permit.end_one()
    charged.permit.end_one()
    charged.permit.begin("openai", "gpt-4o", 40)
    charged.permit.forgive()
    assert charged.usage == TOLD
