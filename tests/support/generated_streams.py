"""Generated upstream streams: bytes, with what they say and where they become whole.

Here: the framing of events, careful or as odd hosts do it. Not here: the events themselves (generated_wires.py), and
what they tell of (generated_replies.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from support.dice import Dice
from support.generated_replies import Plan, draw_plan
from support.generated_wires import RANGES, WRITERS, Frame
from support.streams import Api


@dataclass(frozen=True)
class Stream:
    data: bytes
    plan: Plan
    frames: list[Frame]
    starts: list[int]
    """Where each frame starts in ``data``."""

    @property
    def whole_at(self) -> int:
        """Cut before here, the reply is not whole."""
        last = next(number for number, frame in enumerate(self.frames) if frame.ends)
        return self.data.rindex(b"}", self.starts[last], self._end(last)) + 1

    def said_before(self, cut: int) -> str:
        """The texts of all frames that came whole before ``cut`` but maybe for their blank line, joined."""
        whole = (n for n in range(len(self.frames)) if self._end(n) <= cut + len("\n\n"))
        return "".join(self.frames[number].says for number in whole)

    def _end(self, number: int) -> int:
        return self.starts[number + 1] if number + 1 < len(self.starts) else len(self.data)


def draw_stream(dice: Dice, api: Api, *, bent: bool, custom: bool = True) -> Stream:
    """A whole reply of an upstream of ``api``, with calls of custom tools if it knows them."""
    drawn = RANGES[api]
    plan = draw_plan(dice, drawn if custom else replace(drawn, custom=False))
    frames = list(WRITERS[api](plan, dice if bent else Dice(b"")))
    framing = _Framing(dice) if bent else _Framing(Dice(b""))
    data, starts = bytearray(framing.beginning()), []
    for frame in frames:
        starts.append(len(data))
        data += framing.write(frame)
    return Stream(bytes(data), plan, frames, starts)


class _Framing:
    """How a stream's events are put into bytes. Dice without bytes are a careful host."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._end = dice.pick(("\n", "\n", "\r\n", "\r"))
        self._odd = dice.chance(2)

    def beginning(self) -> bytes:
        return b"\xef\xbb\xbf" if self._dice.chance(8) else b""

    def write(self, frame: Frame) -> bytes:
        odd = self._odd and self._dice.chance(3)
        lines = self._noise() if odd else []
        if frame.event is not None:
            lines.append(f"event: {frame.event}")
        if isinstance(frame.data, str):
            lines.append(f"data: {frame.data}")
        elif odd and self._dice.chance(2):
            lines += [f"data:{line}" for line in json.dumps(frame.data, indent=0).split("\n")]
        else:
            lines.append(f"data: {json.dumps(frame.data, ensure_ascii=self._dice.chance(2))}")
        if odd and self._dice.chance(4):
            lines.reverse() if len(lines) == 2 else lines.append("id: 1")
        return "".join(line + self._end for line in [*lines, ""]).encode()

    def _noise(self) -> list[str]:
        return self._dice.pick(([": comment"], ["retry: 5", ""], ["event: ping", ""], ["", ""]))
