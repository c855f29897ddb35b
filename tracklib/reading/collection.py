"""Many runs: filtered, sorted, and as tables."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, overload

from .column import Column
from .names import Value, value_of
from .showing import runs_as_html
from .table import Table
from .where import parse

if TYPE_CHECKING:
    from .run import Run


class Runs(Sequence["Run"]):
    """Several runs, in the order of their directories' names unless they were sorted: ``runs[0]``, ``runs["digits"]``,
    ``for run in runs``.

    Args:
        runs: the runs, in order.
        unreadable: see below.

    Attributes:
        unreadable: the directories of runs that cannot be read, each with the reason.
    """

    def __init__(self, runs: Iterable[Run], unreadable: Mapping[str, str] | None = None) -> None:
        self._runs = list(runs)
        self.unreadable = dict(unreadable or {})

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int | str) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | str | slice) -> Run | Runs:
        """A run, by its place from 0 on, its name, its directory's name, or the first characters of its uid. A slice is
        several runs.

        Raises:
            IndexError: there are not so many.
            KeyError: no run has that name, or several have.
        """
        if isinstance(index, slice):
            return Runs(self._runs[index], self.unreadable)
        return self._runs[index] if isinstance(index, int) else self._named(index)

    def _named(self, name: str) -> Run:
        called = [run for run in self._runs if run.name == name or os.path.basename(run.directory) == name]
        found = called or [run for run in self._runs if len(name) > 3 and run.uid.startswith(name)]
        if len(found) == 1:
            return found[0]
        if found:
            directories = ", ".join(run.directory for run in found[:5])
            raise KeyError(f"{len(found)} runs are called {name!r}: name one by its directory, of {directories}")
        raise KeyError(f"no run is called {name!r}, of {len(self)}")

    def where(self, condition: str | Callable[[Run], object]) -> Runs:
        """The runs that meet a condition.

        Args:
            condition: a text such as ``"val/loss < 0.3 and optimizer = adam"``, or a function that takes a run.

        Raises:
            WhereError: the text cannot be understood; the message points at the place.
        """
        meets = parse(condition) if isinstance(condition, str) else condition
        return Runs((run for run in self._runs if meets(run)), self.unreadable)

    def sorted_by(self, name: str, *, descending: bool = False) -> Runs:
        """The same runs, sorted by the value that ``name`` has in a condition, the least first; ``"-val/loss"`` or
        ``descending`` put the greatest first. Runs without that value, or with NaN, come last."""
        if name.startswith("-"):
            name, descending = name[1:], not descending
        values = [(value_of(run, name), run) for run in self._runs]
        known = [(value, run) for value, run in values if _is_known(value)]
        known.sort(key=lambda pair: _sort_key(pair[0]), reverse=descending)
        return Runs([run for _, run in known] + [run for value, run in values if not _is_known(value)], self.unreadable)

    def refresh(self) -> Runs:
        """Bring each run up to date; returns the same object."""
        for run in self._runs:
            run.refresh()
        return self

    def table(self) -> Table:
        """A table with one row a run. Its columns are ``run`` (the name), ``status``, ``began`` (a time), ``took``
        (seconds), ``epoch``, ``directory``, then ``params/...``, ``best/...``, ``last/...`` and ``tags/...``, each in
        order of appearance."""
        columns: dict[str, Column] = {
            "run": Column("text", [run.name for run in self]),
            "status": Column("text", [run.status for run in self]),
            "began": Column("time", array("q", [round(1000 * run.began.timestamp()) for run in self])),
            "took": Column("float", array("d", [run.took for run in self])),
            "epoch": column([run.epoch for run in self]),
            "directory": Column("text", [run.directory for run in self]),
        }
        groups: dict[str, Callable[[Run], Mapping[str, Any]]] = {
            "params": lambda run: run.flat_params,
            "best": lambda run: {name: best.value for name, best in run.best.items()},
            "last": lambda run: {name: point.value for name, point in run.last.items()},
            "tags": lambda run: run.own_tags,
        }
        for group, of in groups.items():
            found = [of(run) for run in self]
            for name in dict.fromkeys(name for values in found for name in values):
                columns[f"{group}/{name}"] = column([values.get(name) for values in found])
        return Table(columns, len(self))

    def metrics(self, *names: str, axis: str | None = None) -> Table:
        """All points of metrics, as a table with a row for each point: ``run`` (its name; where two have the same name,
        its directory), ``metric``, ``axis``, ``step``, ``time`` and ``value``.

        Args:
            names: the metrics' names; without any, all metrics.
            axis: only points on this axis; None takes all axes.
        """
        columns: dict[str, Any] = {"run": [], "metric": [], "axis": [], "step": array("q"), "time": array("q")}
        values = array("d")
        for run, title in zip(self._runs, distinct(self._runs), strict=True):
            points = run.metrics
            wanted = [each for each in points.names if not names or each in names]
            for name, on in [(each, on) for each in wanted for on in points.axes_of(each) if axis in (None, on)]:
                series = points.series(name, on)
                for told, value in (("run", title), ("metric", name), ("axis", on)):
                    columns[told] += [value] * len(series)
                columns["step"].extend(series.steps)
                columns["time"].extend(series.times)
                values.extend(series.values)
        kinds = {"run": "text", "metric": "text", "axis": "text", "step": "int", "time": "time"}
        table = {name: Column(kinds[name], found) for name, found in columns.items()}  # type: ignore[arg-type]
        return Table(table | {"value": Column("float", values)}, len(values))

    def compare(self) -> Table:
        """What differs between the runs, as a table: a row for each param, best or last value, status and so on that is
        not the same in all of them, with the column ``name`` and a column for each run."""
        wide = self.table()
        names = [name for name in wide.columns if name not in ("run", "directory", "began")]
        differing = {name: list(wide[name]) for name in names if not _all_the_same(list(wide[name]))}
        columns = {"name": Column("text", list(differing))}
        titles = distinct(self._runs, {"name"})
        for index, title in enumerate(titles):
            columns[title] = column([values[index] for values in differing.values()])
        return Table(columns, len(differing))

    def report(
        self,
        path: str | os.PathLike[str] = "report.html",
        *,
        title: str = "",
        steps: tuple[int, int] | None = None,
    ) -> str:
        """Write one HTML file that shows the runs, and loads nothing from elsewhere.

        Args:
            path: the file to write; an earlier report there is replaced.
            title: the page's title; empty takes the first run's name.
            steps: the first and the last step to draw, both included: ``(40_000, 50_000)`` shows that part in as much
                detail as there is room for. None draws all.

        Returns:
            The file's absolute path.

        Raises:
            FileExistsError: the file is there, and is no report.
            OSError: it cannot be written.
        """
        from .report import report  # who lists runs does not pay for making pages

        return report(self, path, title=title, steps=steps)

    def to_pandas(self) -> Any:
        """:meth:`table` as a pandas DataFrame.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.table().to_pandas()

    def to_polars(self) -> Any:
        """:meth:`table` as a polars DataFrame.

        Raises:
            ImportError: polars is not installed.
        """
        return self.table().to_polars()

    def to_arrow(self) -> Any:
        """:meth:`table` as a ``pyarrow.Table``.

        Raises:
            ImportError: pyarrow is not installed.
        """
        return self.table().to_arrow()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        return runs_as_html(self)

    def __repr__(self) -> str:
        unread = f", {len(self.unreadable)} that cannot be read" if self.unreadable else ""
        return f"<{len(self)} runs{unread}>"


def column(values: list[Any]) -> Column:
    """A column of the kind that ``values`` are of; None where one is missing."""
    there = [value for value in values if value is not None]
    rows = None if len(there) == len(values) else array("q", [i for i, value in enumerate(values) if value is not None])
    kinds = {type(value) for value in there}
    if kinds and kinds <= {int} and all(-(2**63) <= value < 2**63 for value in there):
        return Column("int", array("q", there), rows, len(values))
    if kinds and kinds <= {int, float}:
        return Column("float", array("d", [float(value) for value in there]), rows, len(values))
    return Column("text", there, rows, len(values))


def _is_known(value: Value) -> bool:
    return value is not None and value == value


def _sort_key(value: Value) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _all_the_same(values: list[Any]) -> bool:
    return all(value == values[0] or (value != value and values[0] != values[0]) for value in values)


def distinct(runs: Sequence[Run], taken: Set[str] = frozenset()) -> list[str]:
    """The runs' names; their directories, where two have one name, or one is ``taken``."""
    names = [run.name for run in runs]
    return names if len({*names, *taken}) == len(names) + len(taken) else [run.directory for run in runs]
