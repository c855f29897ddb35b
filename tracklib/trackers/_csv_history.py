"""Reads a table that somebody's own loop wrote: a row for each step, a column for each metric."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator

from ._foreign import Foreign, Point

_AXES = ("epoch", "step", "global_step", "iteration", "iter", "batch")


def runs_in(path: str) -> Iterator[Foreign]:
    """The run in the file at ``path``. Its steps are in the first column called as one of the usual axes, else the rows
    are counted; a cell that says no number is passed over.

    Raises:
        OSError: it cannot be read.
        ValueError: it has no column of numbers.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    axis = next((name for name in columns if name and name.lower() in _AXES), "")
    written = round(os.stat(path).st_mtime * 1000)
    points = [_point(row, number, axis, written) for number, row in enumerate(rows)]
    if not any(point.metrics for point in points):
        raise ValueError(f"{path} has no column of numbers beside {axis or 'the rows'}")
    name = os.path.splitext(os.path.basename(path))[0]
    yield Foreign(os.path.abspath(path), name, written, [point for point in points if point.metrics])


def _point(row: dict[str, str], number: int, axis: str, time: int) -> Point:
    values = {
        name: value for name, text in row.items() if name and name != axis and (value := _number(text)) is not None
    }
    step = _number(row.get(axis, "")) if axis else None
    return Point(time, axis or "step", number if step is None or step % 1 else int(step), values)


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
