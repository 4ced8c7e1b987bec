"""The figures as pictures: CPU beside the peers, the curves with their straight lines, the delays, the soak.

Here: SVG files for the pages in docs, by matplotlib (extra `bench`). Not here: tables (report.py, soak.py).
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib import pyplot
from matplotlib.axes import Axes

from bench.arithmetic import least_squares
from bench.cases import JSON, MESSAGES_JSON, MESSAGES_STREAM, STREAM
from bench.measured import Curve, Measured, curves
from bench.report import delays

if TYPE_CHECKING:
    from bench.soak import Sample

_STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    # Texts stay texts, and a picture of the same figures the same bytes.
    "svg.fonttype": "none",
    "svg.hashsalt": "bench",
}
_BESIDE_PEERS = (JSON, MESSAGES_JSON, STREAM, MESSAGES_STREAM)


def draw(measured: Measured, folder: Path) -> None:
    """peers.svg, curves.svg and delays.svg; what was not measured is not drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    by_what = [(over, list(same)) for over, same in groupby(curves(measured), lambda c: c.over)]
    with matplotlib.rc_context({**_STYLE, "backend": "svg"}):
        _save(folder / "peers.svg", 1, lambda axes: _draw_peers(axes[0], measured))
        if by_what:
            _save(folder / "curves.svg", len(by_what), lambda axes: _draw_curves(axes, by_what))
        if measured.latency:
            _save(folder / "delays.svg", 1, lambda axes: _draw_delays(axes[0], measured))


def draw_soak(samples: "list[Sample]", file: Path) -> None:
    """What each worker holds over the requests that it and the others have answered."""
    with matplotlib.rc_context({**_STYLE, "backend": "svg"}):
        _save(file, 2, lambda axes: _draw_samples(axes, samples))


def _draw_samples(all_axes: list[Axes], samples: "list[Sample]") -> None:
    memory, counts = all_axes
    for worker in sorted({sample.worker for sample in samples}):
        own = [sample for sample in samples if sample.worker == worker]
        xs = [sample.requests / 1000 for sample in own]
        memory.plot(xs, [sample.uss / 2**20 for sample in own], label=f"worker {worker}")
        for name in ("descriptors", "greenlets", "threads"):
            counts.plot(xs, [getattr(one, name) for one in own], label=f"{name}, worker {worker}")
    memory.set(xlabel="thousands of requests", ylabel="MB", title="Memory of its own (USS)")
    counts.set(xlabel="thousands of requests", title="Held while nothing is asked")
    for axes in all_axes:
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=7)


def _save(file: Path, columns: int, paint: Callable[[list[Axes]], None]) -> None:
    figure, grid = pyplot.subplots(1, columns, figsize=(max(7, 3.6 * columns), 3.6), squeeze=False)
    paint(list(grid[0]))
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)


def _draw_peers(axes: Axes, measured: Measured) -> None:
    costs = measured.costs
    names = list(dict.fromkeys(name for name, _ in costs.rounds))
    width = 0.8 / max(1, len(names))
    for number, name in enumerate(names):
        medians = [costs.median(name, case) for case in _BESIDE_PEERS]
        bars = [(place, figure) for place, figure in enumerate(medians) if figure is not None]
        drawn = axes.bar(
            [place + number * width for place, _ in bars],
            [figure for _, figure in bars],
            width,
            label=name,
        )
        axes.bar_label(drawn, fmt="{:,.0f}", fontsize=7)
    middle = width * (len(names) - 1) / 2
    axes.set_xticks(
        [place + middle for place in range(len(_BESIDE_PEERS))],
        [str(case).replace(", ", ",\n") for case in _BESIDE_PEERS],
    )
    axes.set(yscale="log", ylabel="CPU per request, us", title="CPU per request (log)")
    axes.legend()


def _draw_curves(all_axes: list[Axes], by_what: list[tuple[str, list[Curve]]]) -> None:
    for axes, (over, same) in zip(all_axes, by_what, strict=True):
        for curve in same:
            xs, ys = zip(*curve.points, strict=True)
            line = least_squares(curve.points)
            (dots,) = axes.plot(xs, [y / 1e3 for y in ys], "o", markersize=4, label=curve.name)
            ends = (0.0, max(xs))
            fitted = [(line.intercept + line.slope * x) / 1e3 for x in ends]
            axes.plot(ends, fitted, "-", color=dots.get_color(), linewidth=1)
        axes.set(xlabel=over, ylabel="CPU, ms", title=f"CPU over {over}")
        axes.set_ylim(bottom=0)
        axes.legend()


def _draw_delays(axes: Axes, measured: Measured) -> None:
    """How large a share of the events was at most so late."""
    for name, values in delays(measured).items():
        ordered = sorted(values)
        step = max(1, len(ordered) // 400)
        shares = [(index + 1) / len(ordered) for index in range(0, len(ordered), step)]
        style = "--" if name.endswith("direct") else "-"
        axes.plot(ordered[::step], shares, style, linewidth=1, label=name)
    axes.set(xscale="log", xlabel="ms (log)", ylabel="share of events", title="Delays")
    axes.legend(fontsize=7)
