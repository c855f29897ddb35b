"""The console's table: rows as rich shows them in a terminal."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from .._common.names import printable
from .._journal.records import Status
from ._console_words import number

if TYPE_CHECKING:
    import rich.console

_NARROWEST = 8  # columns of characters for a time
_DECIMALS = 4
_NUMBER = 5 + _DECIMALS + 2  # columns of characters for a number


class Table:
    """Rows as rich shows them in a terminal, below a header that is repeated where a metric is new."""

    def __init__(self, console: rich.console.Console) -> None:
        self._console = console
        self._columns: list[str] = []

    def rows(self, axis: str, step: int, metrics: Mapping[str, float], took: str, best: Collection[str]) -> str | None:
        """The row, below a header where one is needed; None where it is too wide for the terminal."""
        cells = {printable(name): value for name, value in metrics.items()}
        marked = {printable(name) for name in best}
        new = [name for name in cells if name not in self._columns]
        columns = self._columns + new
        widths = [_NARROWEST, *(max(len(name), _NUMBER) for name in columns), _NARROWEST]
        if sum(widths) + 2 * len(widths) > self._console.width:
            return None
        self._columns = columns
        heads = [(name, "bold") for name in (axis, *columns, "time")]
        row = [(str(step), "cyan"), *(_cell(cells.get(name), name in marked) for name in columns)]
        lines = [self._line(heads, widths)] if new else []
        return "\n".join([*lines, self._line([*row, (took, "dim")], widths)])

    def _line(self, cells: Sequence[tuple[str, str]], widths: Sequence[int]) -> str:
        from rich.text import Text

        texts = [Text(cell, style) for cell, style in cells]
        for text, width in zip(texts, widths, strict=True):
            text.align("right", width)
        return self._rendered(Text("  ").join(texts))

    def ending(self, text: str, status: Status) -> str:
        """``text`` in the status's colour."""
        from rich.text import Text

        return self._rendered(Text(text, "green" if status is Status.FINISHED else "red"))

    def _rendered(self, text: object) -> str:
        with self._console.capture() as capture:
            self._console.print(text, soft_wrap=True, end="")
        return capture.get()


def table_on(stream: TextIO) -> Table | None:
    """A table, where rich is there, and takes ``stream`` for a terminal."""
    with contextlib.suppress(Exception):  # no rich
        from rich.console import Console as Terminal

        terminal = Terminal(file=stream)
        return Table(terminal) if terminal.is_terminal and not terminal.is_dumb_terminal else None
    return None


def _cell(value: float | None, is_best: bool) -> tuple[str, str]:
    """A cell of the table and its style; right behind each number is a place for the mark of the best."""
    aligned = _aligned(value)
    shown = aligned.rstrip()
    text = shown + ("*" if is_best else " ") + " " * (len(aligned) - len(shown))
    return text, "bold green" if is_best else _style(value)


def _aligned(value: float | None) -> str:
    """A number for a column whose decimal points stand below each other; what is too small or too large for that has
    an exponent."""
    text = number(value)
    if "." not in text and "e" not in text:
        return text + " " * (_DECIMALS + 1) if text.lstrip("-").isdigit() and len(text) <= 5 else text
    fixed = f"{value:.{_DECIMALS}f}"
    if value is not None and len(fixed) < _NUMBER and (abs(value) >= 0.1 or float(fixed) == value):
        return fixed
    return f"{value:.3e}"


def _style(value: float | None) -> str:
    return "" if value is None or math.isfinite(value) else "red"
