"""All the points of a run, as columns."""

from __future__ import annotations

import operator
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from .._journal.records import Record
from .._journal.stretches import Stretch
from .column import Column
from .series import Series
from .table import Tabular

REACH = 1000
"""How many rows a log may lie behind the one that it completes; as in ``metrics.csv``."""


class _Values:
    """One metric's values in the order of the logs, and of which logs they are: of all, while ``logs`` is None."""

    __slots__ = ("logs", "values")

    def __init__(self) -> None:
        self.values = array("d")
        self.logs: array[int] | None = None

    def add(self, values: Sequence[float], log: int) -> None:
        """``values`` of as many logs, from number ``log`` on."""
        if self.logs is None and len(self.values) != log:
            self.logs = array("q", range(len(self.values)))
        if self.logs is not None:
            self.logs.extend(range(log, log + len(values)))
        self.values.extend(values)

    def of_logs(self) -> Sequence[int]:
        """The log of each value."""
        return range(len(self.values)) if self.logs is None else self.logs


class LogColumns:
    """The logs of a journal as they come, in columns; and which of them make one row of a table.

    Logs of one step that share no metric (training, then validation) make one row, as in ``metrics.csv``.

    Attributes:
        axes: in order of appearance.
        steps: of each log; ``times`` likewise.
        values: of each metric.
    """

    def __init__(self) -> None:
        self.axes: list[str] = []
        self._axis: array[int] | None = None  # of each log; None while there is one
        self.steps, self.times = array("q"), array("q")
        self.values: dict[str, _Values] = {}
        self._rows: array[int] | None = None  # of each log; None while each has its own
        self._row_count = 0
        self._open: dict[int, tuple[int, int, set[str]]] = {}  # of each axis the newest row, its step and its metrics

    @property
    def rows(self) -> Sequence[int]:
        """The row of each log."""
        return range(len(self.steps)) if self._rows is None else self._rows

    def axis_of(self, log: int) -> int:
        """The axis of a log, by its place in ``axes``."""
        return 0 if self._axis is None else self._axis[log]

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return self._row_count

    def take(self, piece: Iterable[Stretch | Record]) -> None:
        """Add a further piece of the journal."""
        for part in piece:
            if isinstance(part, Stretch):
                self._take(part)

    def _take(self, logs: Stretch) -> None:
        if logs.axis not in self.axes:
            self.axes.append(logs.axis)
        axis = self.axes.index(logs.axis)
        self._give_rows(axis, logs)
        start = len(self.steps)
        for name, values in zip(logs.names, logs.columns, strict=True):
            if name not in self.values:
                self.values[name] = _Values()
            self.values[name].add(values, start)
        if axis and self._axis is None:
            self._axis = array("H", bytes(2 * start))
        if self._axis is not None:
            self._axis.extend([axis] * len(logs.steps))
        self.steps.extend(logs.steps)
        self.times.extend(logs.times)

    def _give_rows(self, axis: int, logs: Stretch) -> None:
        """Each log its row. A metric that only repeats the step by its axis's name is no cell: so where there is one
        of that name, each log is looked at by itself."""
        names = set(logs.names)
        if logs.axis not in names:
            self._give(axis, logs.steps, names)
            return
        said = logs.columns[list(logs.names).index(logs.axis)]
        for step, value in zip(logs.steps, said, strict=True):
            self._give(axis, (step,), names - {logs.axis} if value == step else names)

    def _give(self, axis: int, steps: Sequence[int], names: set[str]) -> None:
        """Rows for logs of these metrics: only the first can be of a row that is there, as the others share them."""
        count, first = len(steps), self._row_count
        row, step, in_row = self._open.get(axis, (-1 - REACH, 0, set()))
        joins = step == steps[0] and first - 1 - REACH < row and names.isdisjoint(in_row)
        if joins and self._rows is None:
            self._rows = array("q", range(first))
        if self._rows is not None:
            self._rows.extend([row] if joins else [first])
            self._rows.extend(range(first + (not joins), first + count - joins))
        self._row_count = first + count - joins
        if joins and count == 1:
            self._open[axis] = row, step, in_row | names
        else:
            self._open[axis] = self._row_count - 1, steps[-1], names


class Metrics(Tabular):
    """All that a run logged: the epoch first, then the other axes, ``time``, and a column for each metric, in rows
    as those of ``metrics.csv``. Nothing is sampled. ``metrics["val/loss"]`` is the series of one metric.

    A metric that is called as an axis or ``time`` has the column ``metrics.<name>``, unless it only repeats the step;
    an axis ``time`` is in ``axis.time``.
    """

    def __init__(self, points: LogColumns) -> None:
        self._points = points
        super().__init__(_columns(points), points.row_count)

    @property
    def names(self) -> list[str]:
        """The metrics, in order of appearance."""
        return list(self._points.values)

    @property
    def axes(self) -> list[str]:
        """What steps count, the epoch first."""
        return _epoch_first(self._points.axes)

    def __getitem__(self, name: str) -> Series:
        """The metric's series; of one on several axes, that of the epochs, else of the first one."""
        return self.series(name)

    def axes_of(self, name: str) -> list[str]:
        """The axes on which the metric was logged, the epoch first; none where there is no such metric."""
        points = self._points
        if name not in points.values or len(points.axes) == 1:
            return [*points.axes] if name in points.values else []
        used = {points.axis_of(log) for log in points.values[name].of_logs()}
        return [axis for axis in self.axes if points.axes.index(axis) in used]

    def series(self, name: str, axis: str | None = None) -> Series:
        """The metric's series on ``axis``.

        Raises:
            KeyError: there is none; the message says which there are.
        """
        points = self._points
        if name not in points.values:
            raise KeyError(f"no metric {name!r}; there are {', '.join(map(repr, self.names)) or 'none'}")
        known = points.values[name]
        if len(known.values) == len(points.steps) and len(points.axes) == 1 and axis in (None, points.axes[0]):
            return Series(name, points.axes[0], points.steps, points.times, known.values)
        on = self.axes_of(name)
        if axis is not None and axis not in on:
            raise KeyError(f"metric {name!r} is not on the axis {axis!r}, but on {', '.join(map(repr, on))}")
        wanted = points.axes.index(axis or on[0])
        pairs = [pair for pair in enumerate(known.of_logs()) if points.axis_of(pair[1]) == wanted]
        return Series(
            name,
            points.axes[wanted],
            array("q", [points.steps[log] for _, log in pairs]),
            array("q", [points.times[log] for _, log in pairs]),
            array("d", [known.values[place] for place, _ in pairs]),
        )


def _epoch_first(axes: Iterable[str]) -> list[str]:
    return sorted(axes, key=lambda axis: axis != "epoch")


def axis_title(axis: str, taken: str = "time") -> str:
    """The column of an axis in a table that has a column ``taken`` already."""
    return f"axis.{axis}" if axis == taken else axis


def _columns(points: LogColumns) -> dict[str, Column]:
    firsts = _first_logs(points)
    count = points.row_count
    columns = {axis_title(axis): _axis(points, axis, firsts) for axis in _epoch_first(points.axes)}
    columns["time"] = Column("time", points.times if firsts is None else array("q", [points.times[i] for i in firsts]))
    rows = None if firsts is None else points.rows
    for name, known in points.values.items():
        title = _unused(f"metrics.{name}", {*columns, *points.values}) if name in columns else name
        if name in points.axes or name == "time":
            known = _without_steps(points, name, known)
            if not known.values:
                continue
        where: Any = known.logs
        if where is None and (rows is not None or len(known.values) != count):
            where = range(len(known.values))
        if where is not None and rows is not None:
            where = array("q", [rows[log] for log in where])
        columns[title] = Column("float", *_ascending(known.values, where), count)
    return columns


def _ascending(values: Any, rows: Any) -> tuple[Any, Any]:
    """The same in the order of the rows: a log of another axis may stand before one that completes an earlier row."""
    if len(values) < 2 or rows is None or all(map(operator.le, rows, rows[1:])):
        return values, rows
    order = sorted(range(len(rows)), key=rows.__getitem__)
    return array("d", [values[place] for place in order]), array("q", [rows[place] for place in order])


def _first_logs(points: LogColumns) -> list[int] | None:
    """The first log of each row; None where each log is one."""
    if points.row_count == len(points.steps):
        return None
    firsts: list[int] = []
    for log, row in enumerate(points.rows):
        if row == len(firsts):
            firsts.append(log)
    return firsts


def _axis(points: LogColumns, axis: str, firsts: list[int] | None) -> Column:
    """The column of an axis: the step in the rows that are on it."""
    if len(points.axes) == 1 and firsts is None:
        return Column("int", points.steps)
    place, logs = points.axes.index(axis), range(len(points.steps)) if firsts is None else firsts
    rows = array("q", [row for row, log in enumerate(logs) if points.axis_of(log) == place])
    steps = array("q", [points.steps[log] for log in logs if points.axis_of(log) == place])
    return Column("int", steps, rows, points.row_count)


def _without_steps(points: LogColumns, name: str, known: _Values) -> _Values:
    """The values of the metric ``name`` but those that only repeat the step of an axis that is called so."""
    kept = _Values()
    kept.logs = array("q")
    for log, value in zip(known.of_logs(), known.values, strict=True):
        if points.steps[log] != value or points.axes[points.axis_of(log)] != name:
            kept.logs.append(log)
            kept.values.append(value)
    return kept


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
