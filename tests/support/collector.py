"""A collector of traces as OpenTelemetry's exporters know it: takes spans over HTTP and keeps them."""

from __future__ import annotations

import gzip
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.until import until
from support.upstream import Reply, Request, Upstream


class Collector(Upstream):
    """``spans`` are all so far, in the order in which they came; ``requests`` what brought them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        super().__init__(self._take)

    def _take(self, request: Request) -> Reply:
        body = request.body
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.resources.append(attributes(resource.resource))
            for scope in resource.scope_spans:
                self.spans += scope.spans
        answer = ExportTraceServiceResponse().SerializeToString()
        return Reply([answer], 200, {"content-type": "application/x-protobuf"})

    def of(self, trace_id: str, count: int) -> tuple[Span, ...]:
        """The spans of a trace in the order of their start; waits for so many."""

        def found() -> list[Span]:
            return [span for span in list(self.spans) if span.trace_id.hex() == trace_id]

        until(lambda: len(found()) >= count)
        return tuple(sorted(found(), key=lambda span: (span.start_time_unix_nano, -span.kind)))


def attributes(of: Any) -> dict[str, Any]:
    """A span's, or a resource's."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in of.attributes}
