"""A run's series as the page draws them: all of each, or what lies between two steps in more detail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..._journal.statistics import At
from .packed import Arrays
from .points import Points

if TYPE_CHECKING:
    from ..run import Run

Steps = tuple[int, int]
"""The first step and the last, both included."""


def drawn_of(run: Run, arrays: Arrays, most: int, steps: Steps | None = None) -> list[list[Any]]:
    """Each series as a row of places in ``arrays``, of at most so many points; only what lies between ``steps``."""
    drawn = _between(run, most, steps) if steps else _whole(run, most)
    return _placed(run, arrays, drawn)


def detailed(run: Run, arrays: Arrays, most: int, steps: Steps, axis: str) -> list[list[Any]]:
    """The same between ``steps`` of one ``axis``, where a page that draws all has buckets of several records."""
    return _placed(run, arrays, _between(run, most, steps, axis, more_than=most))


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


def _between(
    run: Run, most: int, steps: Steps, only: str | None = None, more_than: int = 0
) -> Iterator[tuple[str, str, Points]]:
    for (axis, name), known in run.series.items():
        if only not in (None, axis) or known.count <= more_than:
            continue
        series = run.metrics.series(name, axis).between(*steps)
        if len(series):
            first, last = (At(series.values[i], series.steps[i], series.times[i]) for i in (0, -1))
            yield axis, name, Points(series.buckets(most), first, last, most)
