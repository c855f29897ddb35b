"""One value of a series, and what a run's metrics come to by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from .._journal.statistics import At, Statistics
from .attempts import moment


class Point(NamedTuple):
    """A ``value`` of a metric, logged at ``step`` of ``axis``, at ``time`` (UTC)."""

    value: float
    step: int
    axis: str
    time: datetime


def point(at: At, axis: str) -> Point:
    """What was kept of a value, for the reader."""
    return Point(at.value, at.step, axis, moment(at.time))


def axis_of(name: str, series: Mapping[str, Mapping[str, Statistics]]) -> str | None:
    """The axis of the metric ``name``: the epoch's where it was logged there, else the first where it was."""
    if name in series.get("epoch", ()):
        return "epoch"
    return next((axis for axis, names in series.items() if name in names), None)


class Points(Mapping[str, Point]):
    """One point of each metric, such as its last. Of a metric on several axes it is the one on ``"epoch"``, else on its
    first axis; ``run.series`` has all of them."""

    def __init__(
        self, series: Mapping[str, Mapping[str, Statistics]], which: Literal["first", "last", "min", "max"]
    ) -> None:
        self._series, self._which = series, which

    def __getitem__(self, name: str) -> Point:
        axis = axis_of(name, self._series)
        if axis is None:
            raise KeyError(name)
        return point(getattr(self._series[axis][name], self._which), axis)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for names in self._series.values() for name in names))

    def __len__(self) -> int:
        return len({name for names in self._series.values() for name in names})

    def __repr__(self) -> str:
        return repr(dict(self))
