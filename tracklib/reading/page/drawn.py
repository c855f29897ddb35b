"""A run's series as the page draws them: all of each, or a part in more detail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._journal.statistics import At
from .packed import Arrays
from .points import Points

if TYPE_CHECKING:
    from ..run import Run
    from ..series import Series

Steps = tuple[int, int]
"""The first step and the last, both included."""


class Zoom(NamedTuple):
    """From ``low`` to ``high`` of the page's x: ``by`` ``"step"``; by ``"time"``, the seconds since the run began; by
    ``"clock"``, those since 1970; by ``"share"``, of a series' own steps. Only series on ``axis``, if one is named.
    """

    by: str
    low: float
    high: float
    axis: str | None = None

    def part_of(self, series: Series, began: int) -> Series:
        """The part of ``series`` that lies there; its run ``began`` so many milliseconds after 1970."""
        low, high = self.low, self.high
        if self.by in ("time", "clock"):
            start = began if self.by == "time" else 0
            return series.between_times(math.floor(start + 1000 * low), math.ceil(start + 1000 * high))
        if self.by == "share":
            first, width = series.steps[0], series.steps[-1] - series.steps[0]
            low, high = first + low * width, first + high * width
        return series.between(math.floor(low), math.ceil(high))


X_KINDS = ("step", "time", "clock", "share")


def drawn_of(run: Run, arrays: Arrays, most: int, steps: Steps | None = None) -> list[list[Any]]:
    """Each series as a row of places in ``arrays``, of at most so many points; only what lies between ``steps``."""
    drawn = _between(run, most, Zoom("step", *steps)) if steps else _whole(run, most)
    return _placed(run, arrays, drawn)


def detailed(run: Run, arrays: Arrays, most: int, zoom: Zoom) -> list[list[Any]]:
    """The same of what is zoomed into, where a page that draws all has buckets of several records."""
    return _placed(run, arrays, _between(run, most, zoom, more_than=most))


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return round(moment.timestamp() * 1000)


def _placed(run: Run, arrays: Arrays, drawn: Iterator[tuple[str, str, Points]]) -> list[list[Any]]:
    began = milliseconds(run.began)
    times: dict[bytes, int] = {}
    rows = []
    for axis, name, points in drawn:
        key = points.times.tobytes()
        if key not in times:
            times[key] = arrays.place([(each - began) / 1000 for each in points.times])
        bands = (points.mins, points.maxs) if points.records > 1 else (None, None)
        places = (arrays.place(points.steps), times[key], arrays.place(points.means), *map(arrays.place, bands))
        rows.append([axis, name, *places, points.records])
    return rows


def _whole(run: Run, most: int) -> Iterator[tuple[str, str, Points]]:
    for (axis, name), known in run.series.items():
        yield axis, name, Points(run.curve(name, axis), known.first, known.last, most)


def _between(run: Run, most: int, zoom: Zoom, more_than: int = 0) -> Iterator[tuple[str, str, Points]]:
    for (axis, name), known in run.series.items():
        if zoom.axis not in (None, axis) or known.count <= more_than:
            continue
        series = zoom.part_of(run.metrics.series(name, axis), milliseconds(run.began))
        if len(series):
            first, last = (At(series.values[i], series.steps[i], series.times[i]) for i in (0, -1))
            yield axis, name, Points(series.buckets(most), first, last, most)
