"""The soak's judgement: what has stayed, and what has grown."""

from __future__ import annotations

import json

import pytest

from bench.soak import MOST_GROWTH, Sample, Soaked, page, verdicts
from bench.soak_mix import config_of, more_answers
from wsgi_gateway.config import load_config

MB = 2**20


def samples(uss: list[float], descriptors: int = 40, worker: int = 1) -> list[Sample]:
    return [
        Sample(
            requests=number * 1000,
            worker=worker,
            uss=int(megabytes * MB),
            rss=0,
            descriptors=descriptors,
            greenlets=7,
            threads=3,
            in_flight=0,
        )
        for number, megabytes in enumerate(uss)
    ]


def test_what_fills_in_the_first_half_is_flat() -> None:
    found = verdicts(samples([30, 35, 38, 40, 41, 41.1, 40.9, 41, 41.1, 41]))
    assert [one.name for one in found] == list(MOST_GROWTH)
    assert all(one.is_flat for one in found)
    assert (found[0].first, found[0].last) == (30 * MB, 41 * MB)


def test_what_still_grows_is_found() -> None:
    growing = samples([30 + 0.5 * number for number in range(10)])
    assert [one.name for one in verdicts(growing) if not one.is_flat] == ["uss"]
    assert verdicts(growing)[0].growth == pytest.approx(2 * MB, rel=0.01)


def test_each_worker_is_judged() -> None:
    leaking = [
        Sample(**{**_fields(sample), "worker": 2, "descriptors": 40 + 9 * number})
        for number, sample in enumerate(samples([40] * 10))
    ]
    found = [one for one in verdicts([*samples([40] * 10), *leaking]) if not one.is_flat]
    assert [(one.worker, one.name) for one in found] == [(2, "descriptors")]
    table = page(Soaked(leaking, {"plain": 9000}, 0, [], 60.0))
    assert "| 2 | descriptors | 40 | 85 | 121 | 36 | 20 |" in table


def _fields(sample: Sample) -> dict[str, int]:
    return {name: getattr(sample, name) for name in sample.__dataclass_fields__}


def test_the_gateway_s_config_is_a_good_one() -> None:
    config = load_config(config_of(1, 2, {"type": "memory"}), {})
    assert len(config.groups) == 12
    assert all(json.loads(data) for path, data in more_answers().items() if "json" in path)
