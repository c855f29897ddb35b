"""A series made coarser: buckets of mean, least and greatest value, in which no spike is lost."""

from __future__ import annotations

import math
import operator
from array import array
from typing import Any

from .._journal.curve import Curve


class Buckets:
    """A series in buckets of ``width`` values; the last may hold fewer.

    Attributes:
        name: the metric's.
        axis: what the steps count.
        steps: in the middle of each bucket, arrays as long as there are buckets; ``times`` likewise.
        means: the mean of the finite values in each; NaN where there are none.
        mins: the least value in each, ``maxs`` the greatest; NaN where all are NaN.
        width: how many values a bucket holds.
        count: how many values there are in all.
    """

    def __init__(self, name: str, axis: str, curve: Curve, last_step: int, last_time: int | None = None) -> None:
        self.name, self.axis = name, axis
        self.width, self.count = curve.width, curve.count
        self.steps = _middles(curve.steps, last_step) if curve.width > 1 else curve.steps
        last = curve.times[-1] if len(curve.times) and last_time is None else last_time
        self.times = _middles(curve.times, last or 0) if curve.width > 1 else curve.times
        self.means = curve.means
        none = [*map(operator.gt, curve.mins, curve.maxs)]
        self.mins, self.maxs = _without(curve.mins, none), _without(curve.maxs, none)

    def __len__(self) -> int:
        return len(self.means)

    def __repr__(self) -> str:
        return f"<Buckets of {self.name!r}: {len(self)} of {self.width} values each>"


def _middles(starts: Any, last: int) -> Any:
    """Between each bucket's first value and the next one's; the last bucket ends with ``last``."""
    return array("q", [(start + end) // 2 for start, end in zip(starts, [*starts[1:], last], strict=True)])


def _without(values: Any, none: list[bool]) -> Any:
    if not any(none):
        return values
    return array("d", [math.nan if is_none else value for value, is_none in zip(values, none, strict=True)])
