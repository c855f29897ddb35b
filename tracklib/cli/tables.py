"""Tables of padded text, as wide as the terminal."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import click

from .._common.columns import width
from .._common.texts import as_json as encoded
from .._common.texts import well_formed
from ..reading.telling import plain as plain_data
from .words import cut, plain, shown

_GAP = 2
_WIDEST = 44


@dataclass(frozen=True)
class Heading:
    """A column: its name for a reader, that for a program, whether it is flush left, and how a value is shown."""

    title: str
    name: str
    is_left: bool = False
    show: Callable[[Any], str] = shown
    style: Callable[[Any], dict[str, Any]] = lambda value: {}


Rows = Sequence[Sequence[Any]]
Marks = Set[tuple[int, int]]


def terminal_width() -> int:
    """The columns of the terminal, or as ``COLUMNS`` says."""
    return shutil.get_terminal_size().columns


def print_table(
    headings: Sequence[Heading], rows: Rows, *, most: int | None = None, marks: Marks = frozenset()
) -> list[str]:
    """Print as many columns as there is room for; the titles of those that are left out.

    Args:
        headings: of the columns.
        rows: a value for each column.
        most: the width that there is; None for any.
        marks: row and column of what gets a star.
    """
    columns = [_cells(heading, j, rows, marks) for j, heading in enumerate(headings)]
    widths = [max(map(width, column)) for column in columns]
    count = _fitting(widths, most)
    styles = [[{"bold": True}] * count, *(_styles(headings, row) for row in rows)]
    lines = []  # written at once: click flushes after each
    for i, style in enumerate(styles):
        padded = [
            _padded(column[i], wide, heading.is_left, style[j])
            for j, (column, wide, heading) in enumerate(zip(columns[:count], widths, headings, strict=False))
        ]
        lines.append((" " * _GAP).join(padded).rstrip())
    click.echo("\n".join(lines))
    return [cut(plain(heading.title), _WIDEST) for heading in headings[count:]]


def _cells(heading: Heading, j: int, rows: Rows, marks: Marks) -> list[str]:
    """A column's title and values. Beside a star the others keep the room for one, so that digits stand in line."""
    star = "" if all(column != j for _, column in marks) else " "
    values = [cut(_cell(heading, row[j]), _WIDEST) + ("*" if (i, j) in marks else star) for i, row in enumerate(rows)]
    return [cut(plain(heading.title), _WIDEST) + star, *values]


def _cell(heading: Heading, value: Any) -> str:
    """A value as it is shown: names and texts are the users', and could steer the terminal."""
    return plain(heading.show(value))


def _styles(headings: Sequence[Heading], row: Sequence[Any]) -> list[dict[str, Any]]:
    return [heading.style(value) for heading, value in zip(headings, row, strict=True)]


def _padded(cell: str, wide: int, is_left: bool, style: dict[str, Any]) -> str:
    room = " " * (wide - width(cell))
    styled = click.style(cell, **style) if style and cell else cell
    return styled + room if is_left else room + styled


def _fitting(widths: Sequence[int], most: int | None) -> int:
    """How many columns fit, one at least."""
    total, count = -_GAP, 0
    for wide in widths:
        total += wide + _GAP
        if most is not None and total > most:
            break
        count += 1
    return max(1, count)


def print_json(objects: Iterable[Any]) -> None:
    """A list, with each object on a line of its own."""
    lines = [as_json(each) for each in objects]
    click.echo("[\n" + ",\n".join(lines) + "\n]" if lines else "[]")


def as_json(value: Any) -> str:
    """As JSON; NaN and the infinities as the texts that the journal has for them."""
    return encoded(plain_data(value)).decode()


def print_csv(names: Sequence[str], rows: Rows) -> None:
    """As CSV, in full digits."""
    print_csv_rows([names, *rows])


def print_csv_rows(rows: Rows) -> None:
    """Rows of CSV. In a file or a pipe a text is what it was, in a terminal it steers nothing."""
    text = io.StringIO()
    as_cell = _as_shown_cell if sys.stdout.isatty() else _as_cell
    csv.writer(text, lineterminator="\n").writerows([as_cell(value) for value in row] for row in rows)
    click.echo(text.getvalue(), nl=False, color=True)  # else it takes parts of texts for colours, and leaves them out


def _as_cell(value: Any) -> Any:
    """A spreadsheet must not take a text for a formula."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return well_formed(f"'{value}")
    return "" if value is None else well_formed(value) if isinstance(value, str) else value


def _as_shown_cell(value: Any) -> Any:
    cell = _as_cell(value)
    return plain(cell) if isinstance(cell, str) else cell


def print_markdown(headings: Sequence[Heading], rows: Rows) -> None:
    """As a table of Markdown."""
    lines = [
        [_escaped(plain(heading.title)) for heading in headings],
        ["---" if heading.is_left else "---:" for heading in headings],
        *([_escaped(_cell(heading, value)) for heading, value in zip(headings, row, strict=True)] for row in rows),
    ]
    for line in lines:
        click.echo(f"| {' | '.join(line)} |")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")
