"""What is made of the ranks' values of one name: exact for uneven ranks where a value brings its weight."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from .records import Reduction

Weighed = tuple[float, float | None]
"""A value; or a sum, and its weight."""


def reduced(how: Reduction, values: Mapping[int, Weighed]) -> float:
    """One value of those of the ranks, of which there is one at least. A NaN makes any of them NaN."""
    in_order = [values[rank] for rank in sorted(values)]
    if how == "mean":
        weight = _sum([1.0 if weight is None else weight for _, weight in in_order])
        return _sum([value for value, _ in in_order]) / weight if weight else math.nan
    own = [value_of(each) for each in in_order]
    return own[0] if how == "first" else _OVER[how](own)


def value_of(weighed: Weighed) -> float:
    """The rank's own value."""
    value, weight = weighed
    if weight is None:
        return value
    return value / weight if weight else math.nan


def _sum(values: list[float]) -> float:
    """Exact, but where the sum is none: of both infinities, or above all floats."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def _extreme(pick: Callable[[Iterable[float]], float]) -> Callable[[list[float]], float]:
    def take(values: list[float]) -> float:
        return math.nan if any(map(math.isnan, values)) else pick(values)

    return take


_OVER: dict[str, Callable[[list[float]], float]] = {"sum": _sum, "min": _extreme(min), "max": _extreme(max)}
