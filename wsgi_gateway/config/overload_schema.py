"""The keys that say how much a worker takes on, and what one client or upstream may hold of it.

As schema.py, of which this is a part: rules between keys are in build_overload.py.
"""

from typing import Annotated

from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import Duration

Size = Annotated[
    str | int | None,
    Meta(description="Bytes as a number, or with a unit: 512KB, 32MB, 1GB, of 1024 each."),
]


class OverloadEntry(Struct, forbid_unknown_fields=True, kw_only=True):
    """How much one worker takes on at a time, and how long and how much of it one client or upstream may hold."""

    max_in_flight: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000)] | None,
        Meta(
            description="Requests at a time in each worker, each until its reply has ended; those beyond wait. 0: no "
            "bound. Health checks, /metrics and the list of models do not count. Default: 3,000."
        ),
    ] = None
    max_queued: Annotated[
        Annotated[int, Meta(ge=0, le=100_000)] | None,
        Meta(
            description="Requests that wait; those beyond get a 503, on Messages a 529. Default: 100."
        ),
    ] = None
    queue_timeout: Annotated[
        Duration,
        Meta(
            description="How long a request waits before it gets that. 0: not at all. Default: 5s."
        ),
    ] = None
    max_body_size: Annotated[
        Size,
        Meta(
            description="Of a request, or of a WebSocket's message: 512KB, 32MB, or a number of bytes. What is larger "
            "is a 413 before it is read. Default: 32MB."
        ),
    ] = None
    max_reply_size: Annotated[
        Size,
        Meta(
            description="Of an upstream's plain reply, and of one event of its stream, unpacked. A translated stream "
            "may be four times as large in all, one that passes through of any size. What goes beyond is a failure of "
            "the upstream's: another deployment is asked, or the client gets a 502, or an error in the stream. "
            "Default: 64MB."
        ),
    ] = None
    header_timeout: Annotated[
        Duration,
        Meta(
            description="How long a request's head may take from its first byte on; longer is a 408. Default: 20s."
        ),
    ] = None
    body_timeout: Annotated[
        Duration,
        Meta(
            description="How long its body may take, beside the time that min_body_rate gives it; longer is a 408. "
            "0: no limit. Default: 30s."
        ),
    ] = None
    min_body_rate: Annotated[
        Size,
        Meta(
            description="A body gets one more second for each so many bytes that have come. Default: 8KB."
        ),
    ] = None
    send_timeout: Annotated[
        Duration,
        Meta(
            description="How long a client may take nothing of what waits for it, before its reply ends and its "
            "upstream is let go. 0: no limit. Default: 60s."
        ),
    ] = None
