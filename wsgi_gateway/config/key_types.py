"""Kinds of values that several parts of the config file have."""

from typing import Annotated, Any

from msgspec import Meta

NOT_SERVED = "not_served"
NotServed = Annotated[Any, Meta(extra={NOT_SERVED: True})]

Name = Annotated[str, Meta(min_length=1)]
Duration = Annotated[
    str | float | None,
    Meta(description="Seconds as a number, or with a unit: 500ms, 30s, 5m, 1h. 0 means no limit."),
]
