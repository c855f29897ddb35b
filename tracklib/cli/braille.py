"""Lines in a terminal: each letter is two dots wide and four high."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import click

from .._common.columns import width
from ..reading.words import number

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_COLOURS = ("cyan", "yellow", "magenta", "green", "red", "blue", "bright_white")
_EMPTY = 0x2800


class Line(NamedTuple):
    """A named line; what is not finite leaves a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


class Canvas:
    """A picture of lines.

    Args:
        columns: of letters; ``rows`` likewise.
        is_log: whether y is by its logarithm; what is not positive has no place then.

    Attributes:
        ends: the least and the greatest x of the lines; None where they have no point.
    """

    def __init__(self, lines: Sequence[Line], columns: int, rows: int, is_log: bool = False) -> None:
        self._columns, self._rows, self._is_log = columns, rows, is_log
        across = [x for line in lines for x in line.x]
        up = [self._scaled(y) for line in lines for y in line.y if self._is_placed(y)]
        self.ends = (min(across), max(across)) if across else None
        self.x, self.y = _range([*map(float, across)]), _range(up)
        self._is_empty = not up
        self._dots = [[0] * columns for _ in range(rows)]
        self._owners = [[-1] * columns for _ in range(rows)]
        for index, line in enumerate(lines):
            self._draw(index, line)

    def _is_placed(self, y: float) -> bool:
        return y - y == 0 and not (self._is_log and y <= 0)

    def _scaled(self, y: float) -> float:
        return math.log10(y) if self._is_log else y

    def _draw(self, index: int, line: Line) -> None:
        before = None
        for x, y in zip(line.x, line.y, strict=True):
            if not self._is_placed(y):
                before = None
                continue
            at = (
                self._place(x, self.x, self._columns * 2),
                self._rows * 4 - 1 - self._place(self._scaled(y), self.y, self._rows * 4),
            )
            for dot in _between(before, at) if before else [at]:
                self._set(index, *dot)
            before = at

    def _place(self, value: float, reach: tuple[float, float], size: int) -> int:
        low, high = reach  # halves, as the whole may be more than a float can be
        return min(size - 1, max(0, int((value / 2 - low / 2) / (high / 2 - low / 2) * size)))

    def _set(self, index: int, x: int, y: int) -> None:
        row, column = y // 4, x // 2
        self._dots[row][column] |= _DOTS[y % 4][x % 2]
        self._owners[row][column] = index

    def rows(self) -> list[str]:
        """The letters, in the colour of the line that was drawn last there."""
        return [
            "".join(
                click.style(chr(_EMPTY + dots), fg=_COLOURS[owner % len(_COLOURS)]) if dots else " "
                for dots, owner in zip(row, owners, strict=True)
            )
            for row, owners in zip(self._dots, self._owners, strict=True)
        ]

    def label(self, row: int) -> str:
        """The greatest y at the first row, the least at the last one, else that in the row's middle; empty where
        nothing is drawn."""
        if self._is_empty:
            return ""
        low, high = self.y
        down = {0: 0.0, self._rows - 1: 1.0}.get(row, (row + 0.5) / self._rows)
        value = high * (1 - down) + low * down
        return number(float(10**value) if self._is_log else value, 3)


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """All dots from one to the other."""
    count = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    step = [(end[axis] - start[axis]) / count for axis in (0, 1)]
    return [(round(start[0] + step[0] * i), round(start[1] + step[1] * i)) for i in range(count + 1)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max(0.5, abs(low) / 1000)
    return (low, high) if high > low else (low - room, high + room)


def chart(title: str, lines: Sequence[Line], axis: str, columns: int, rows: int, is_log: bool) -> list[str]:
    """A chart with its axes and names: as many lines of text as ``rows`` and two more."""
    labels = 10
    canvas = Canvas(lines, max(10, columns - labels - 2), rows, is_log)
    swatches = [click.style("─ ", fg=_COLOURS[index % len(_COLOURS)]) + line.name for index, line in enumerate(lines)]
    told = {0, rows // 3, 2 * rows // 3, rows - 1}
    text = [f"{click.style(title, bold=True)}   {'  '.join(swatches)}"]
    for row, letters in enumerate(canvas.rows()):
        label = canvas.label(row) if row in told else ""
        text.append(f"{label.rjust(labels)} │{letters}".rstrip())
    first, last = map(number, canvas.ends or (None, None))
    last = "" if first == last else last
    room = max(10, columns - labels - 2) - width(f"{axis} {first}") - width(last)
    text.append(f"{' ' * labels} └{axis} {first}{' ' * max(1, room)}{last}".rstrip())
    return text
