"""Reads a table that somebody's own loop wrote: a row for each step, a column for each metric."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence

from ._foreign import Foreign, Point

_AXES = ("epoch", "step", "global_step", "iteration", "iter", "batch")
_SEPARATORS = ",;\t"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+(e[+-]?\d+)?\s*", re.IGNORECASE)
_STEPS = range(-(2**63), 2**63)

Row = Sequence[str]


def runs_in(path: str) -> Iterator[Foreign]:
    """The run in the file at ``path``. Its steps are in the first column that is called as one of the usual axes and
    has a whole number in each row, else the rows are counted; a cell that says no number is passed over.

    Raises:
        OSError: it cannot be read.
        ValueError: it has no column of numbers, or is no table.
    """
    names, rows = _table(path)
    axis = next((place for place, name in enumerate(names) if name.lower() in _AXES and _are_steps(rows, place)), None)
    written = round(os.stat(path).st_mtime * 1000)
    points = [
        Point(
            written,
            "step" if axis is None else names[axis],
            number if axis is None else int(_number(row[axis]) or 0),
            _values(names, row, axis),
        )
        for number, row in enumerate(rows)
    ]
    if not any(point.metrics for point in points):
        raise ValueError(f"it has no column of numbers{'' if axis is None else f' beside {names[axis]}'}")
    name = os.path.splitext(os.path.basename(path))[0]
    yield Foreign(os.path.abspath(path), name, written, [point for point in points if point.metrics])


def _table(path: str) -> tuple[Row, list[Row]]:
    """The titles, and the rows; a title that is missing is empty.

    Raises:
        ValueError: something of it would be lost.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no text in UTF-8 (byte {error.start}): save it as that") from None
    titles = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=titles.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names = next(lines, [])
    if twice := next((name for name in names if name and names.count(name) > 1), ""):
        raise ValueError(f"two of its columns are called {twice!r}: rename one")
    rows: list[Row] = []
    try:
        for row in filter(None, lines):
            if len(row) > len(names):
                raise ValueError(f"line {lines.line_num} has {len(row)} cells, and there are {len(names)} columns")
            rows.append(row if separator == "," else [_with_point(cell) for cell in row])
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: {error}") from None
    return names, rows


def _with_point(cell: str) -> str:
    """Where a comma separates no cells, it may begin a number's fraction; where it does, "1,234" may be a thousand."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _are_steps(rows: Sequence[Row], place: int) -> bool:
    """Whether each row has a step there that a journal can hold: where one has not, some would fall together."""
    values = [_number(row[place]) if place < len(row) else None for row in rows]
    return all(value is not None and value % 1 == 0 and int(value) in _STEPS for value in values)


def _values(names: Row, row: Row, axis: int | None) -> dict[str, float]:
    return {
        names[place]: value
        for place, text in enumerate(row)
        if place != axis and names[place] and (value := _number(text)) is not None
    }


def _number(text: str) -> float | None:
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        return None
