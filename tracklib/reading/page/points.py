"""A curve in at most so many points."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..._journal.statistics import At
    from ..buckets import Buckets


class Points:
    """Neighbouring buckets made one until there are at most ``most``; the outermost reach the first and the last step.

    Attributes:
        steps, times, means, mins, maxs: arrays of one length.
        records: how many records each point stands for.
    """

    def __init__(self, curve: Buckets, first: At, last: At, most: int) -> None:
        each = max(1, math.ceil(len(curve.means) / most))
        self.records = curve.width * each
        self.steps, self.times = array("q", curve.steps), array("q", curve.times)
        self.means, self.mins, self.maxs = curve.means, curve.mins, curve.maxs
        if each > 1:
            self._merge(each)
        if self.records > 1:
            self.steps[0], self.steps[-1] = first.step, last.step
            self.times[0], self.times[-1] = first.time, last.time

    def _merge(self, each: int) -> None:
        self.steps, self.times = self.steps[each // 2 :: each], self.times[each // 2 :: each]
        starts = range(0, len(self.means), each)
        for column in (self.steps, self.times):
            if len(column) < len(starts):  # the last one holds too few to have a middle
                column.append(column[-1])
        total = sum(self.means) + sum(self.mins) + sum(self.maxs)
        whole = len(self.means) // each * each if total - total == 0 else 0  # without a loop where all are finite
        parts = [
            ([column[i:whole:each] for i in range(each)], [column[i : i + each] for i in starts if i >= whole])
            for column in (self.means, self.mins, self.maxs)
        ]
        (means, rest_means), (mins, rest_mins), (maxs, rest_maxs) = parts
        self.means = array("d", [*(sum(some) / each for some in zip(*means, strict=True)), *map(_mean, rest_means)])
        self.mins = array("d", [*map(min, *mins), *(min(_numbers(some), default=math.nan) for some in rest_mins)])
        self.maxs = array("d", [*map(max, *maxs), *(max(_numbers(some), default=math.nan) for some in rest_maxs)])


def _mean(values: Sequence[float]) -> float:
    total = sum(values)
    if total - total == 0:
        return total / len(values)
    finite = [value for value in values if value - value == 0]
    return sum(value / len(finite) for value in finite) if finite else math.nan


def _numbers(values: Sequence[float]) -> Any:
    return (value for value in values if value == value)
