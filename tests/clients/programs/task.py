"""The task of every client in Python: compare the weather of two cities, by a tool.

Here: what the client is told on its standard input, the tool, and what is printed about it. Not
here: any client. This and the clients beside it run in environments that hold nothing of ours.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

DESCRIPTION = "Weather of a city"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
MOST_TURNS = 4


@dataclass
class Task:
    """One tool loop, and what the client saw of it."""

    api: str
    base_url: str
    key: str
    model: str
    prompt: str
    weather: dict[str, str]
    stored: bool
    """Whether the Responses API is to keep what was said, so that it is not sent again."""
    cities: list[str] = field(default_factory=list)
    """In the order in which the tool was called."""
    thinking: str = ""
    text: str = ""
    error: str = ""

    def get_weather(self, city: str) -> str:
        """Weather of a city."""
        self.cities.append(city)
        return self.weather[city]


def main(loops: dict[str, Callable[[Task], None]], *packages: str) -> None:
    """Does the tasks that standard input lists as JSON, and prints what became of them.

    `loops` tells for each API how the client does a task in it; `packages` whose versions to print.
    """
    tasks = [Task(**task) for task in json.load(sys.stdin)]
    for task in tasks:
        try:
            loops[task.api](task)
        except Exception as error:  # noqa: BLE001 (whatever a client may raise is its result)
            task.error = f"{type(error).__name__}: {error}"
    seen = [
        {key: asdict(task)[key] for key in ("cities", "thinking", "text", "error")}
        for task in tasks
    ]
    print(json.dumps({"versions": {name: version(name) for name in packages}, "tasks": seen}))
