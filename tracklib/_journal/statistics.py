"""What is known of a series of values without keeping them: how many, the first, last, least, greatest, the mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class At(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A ``value``, and where it was: at ``step``, at ``time`` (milliseconds since 1970)."""

    value: float
    step: int
    time: int


class Statistics(msgspec.Struct, array_like=True, gc=False):
    """Of one metric on one axis, in the order in which it was logged.

    ``count`` is of all values, ``nans`` of those that are no number, ``finite`` of those that are neither that nor
    infinite: ``mean`` is theirs, and NaN where there is none. ``min`` and ``max`` may be infinite; of equal values
    they are the first; where all are NaN, they are the first.
    """

    count: int
    nans: int
    finite: int
    mean: float
    first: At
    last: At
    min: At
    max: At

    def add(self, steps: Sequence[int], times: Sequence[int], values: Sequence[float], known: Reduced) -> None:
        """Know more ``values``, with the step and the time of each; at least one. ``known`` is what they come to."""
        self.count += len(values)
        self.nans += known.nans
        self.mean = combined(self.mean, self.finite, known.mean, known.finite)
        self.finite += known.finite
        self.last = At(values[-1], steps[-1], times[-1])
        if known.least < self.min.value or (self.min.value != self.min.value and known.nans < len(values)):
            self.min = _at(known.least, steps, times, values)
        if known.greatest > self.max.value or (self.max.value != self.max.value and known.nans < len(values)):
            self.max = _at(known.greatest, steps, times, values)


def nothing_yet(first: At) -> Statistics:
    """Those of a series of which only the ``first`` value is known, before that one is added."""
    return Statistics(0, 0, 0, math.nan, first, first, first, first)


def _at(value: float, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> At:
    place = values.index(value)
    return At(values[place], steps[place], times[place])  # of -0.0 and 0.0, the one that was there


class Reduced(NamedTuple):
    """Values made into one: ``least`` and ``greatest`` are infinite where none is a number; ``mean`` is of the finite
    ones, NaN where there are none."""

    mean: float
    finite: int
    nans: int
    least: float
    greatest: float


def reduced(values: Sequence[float]) -> Reduced:
    """``values`` made into one. Fast where all are finite: their sum then says so."""
    total = sum(values)
    if total - total == 0:
        return Reduced(total / len(values), len(values), 0, min(values), max(values))
    numbers = [value for value in values if value == value]
    finite = [value for value in numbers if value - value == 0]
    least, greatest = min(numbers, default=math.inf), max(numbers, default=-math.inf)
    return Reduced(_mean(finite), len(finite), len(values) - len(numbers), least, greatest)


_SORTED = 512


def all_ends(parts: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    """The least of each part, and the greatest; no value is NaN.

    To sort a few floats is quicker than to look for each end: sorting compares their C doubles, ``min`` and ``max``
    compare objects."""
    ordered = [sorted(part) if len(part) <= _SORTED else (min(part), max(part)) for part in parts]
    return [part[0] for part in ordered], [part[-1] for part in ordered]


def together(all_of: Sequence[Reduced]) -> Reduced:
    """What values come to, parts of which come to these."""
    if len(all_of) == 1:
        return all_of[0]
    mean, finite = math.nan, 0
    for part in all_of:
        mean, finite = combined(mean, finite, part.mean, part.finite), finite + part.finite
    nans = sum(part.nans for part in all_of)
    return Reduced(mean, finite, nans, min(part.least for part in all_of), max(part.greatest for part in all_of))


def _mean(finite: list[float]) -> float:
    total = sum(finite)
    if total - total != 0:  # the sum is beyond the largest float, the mean is not
        return sum(value / len(finite) for value in finite)
    return total / len(finite) if finite else math.nan


def combined(mean: float, count: int, more: float, more_count: int) -> float:
    """The mean of ``count`` values and ``more_count`` others, by the means of both; no sum of them could overflow."""
    if not count or not more_count:
        return mean if count else more
    both = count + more_count
    return mean * (count / both) + more * (more_count / both)
