"""What the gateway tells Prometheus about itself, in whichever of its text formats is asked for.

Here: how it is written. Not here: what is counted (families.py), and the counting (counting.py, in_flight.py). Imported
when first asked for, since prometheus_client takes longer to load than most of the gateway.

Source: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from wsgi_gateway.telemetry.families import FAMILIES, SERIES
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT, InFlight
from wsgi_gateway.telemetry.series import Family, Key, Series


class _Collector(Collector):
    def __init__(self, in_flight: InFlight, series: Series) -> None:
        self._in_flight = in_flight
        self._series = series

    def collect(self) -> Iterator[Metric]:
        yield from self._collect_in_flight()
        totals = self._series.totals()
        for number, family in enumerate(FAMILIES):
            yield _metric(family, totals[number])

    def _collect_in_flight(self) -> Iterator[Metric]:
        requests = GaugeMetricFamily(
            "wsgi_gateway_requests_in_flight",
            "Requests to models that are being answered, by the API that the client speaks.",
            labels=["api"],
        )
        streams = GaugeMetricFamily(
            "wsgi_gateway_streams_in_flight",
            "Those of them that asked for a stream, until its last byte.",
            labels=["api"],
        )
        for api, totals in self._in_flight.totals().items():
            requests.add_metric([api], totals.requests)
            streams.add_metric([api], totals.streams)
        yield from (requests, streams)


def _metric(family: Family, series: dict[Key, list[float]]) -> Metric:
    if family.bounds:
        bounds = [*map(str, family.bounds), "+Inf"]
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, (*counts, total) in series.items():
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            histogram.add_metric(labels, buckets, total)
        return histogram
    kind = GaugeMetricFamily if family.is_gauge else CounterMetricFamily
    metric: GaugeMetricFamily | CounterMetricFamily = kind(
        family.name, family.help, labels=family.labels
    )
    for labels, (value,) in series.items():
        metric.add_metric(labels, value)
    return metric


def exposition(accept: str) -> tuple[bytes, str]:
    """All metrics in the best format that an ``Accept`` header allows, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_Collector(IN_FLIGHT, SERIES)), content_type
