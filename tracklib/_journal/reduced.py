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
        weight = math.fsum(1.0 if each is None else each for _, each in in_order) if _finite(in_order) else math.nan
        return _sum(value for value, _ in in_order) / weight if weight else math.nan
    own = [value_of(each) for each in in_order]
    return own[0] if how == "first" else _OVER[how](own)


def value_of(weighed: Weighed) -> float:
    """The rank's own value."""
    value, weight = weighed
    if weight is None:
        return value
    return value / weight if weight else math.nan


def _finite(values: Iterable[Weighed]) -> bool:
    return all(weight is None or math.isfinite(weight) for _, weight in values)


def _sum(values: Iterable[float]) -> float:
    """Exact, but where the sum is none: of both infinities, or above all floats."""
    values = list(values)
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return sum(values)


def _extreme(pick: Callable[[Iterable[float]], float]) -> Callable[[Iterable[float]], float]:
    def take(values: Iterable[float]) -> float:
        values = list(values)
        return math.nan if any(map(math.isnan, values)) else pick(values)

    return take


_OVER: dict[str, Callable[[Iterable[float]], float]] = {"sum": _sum, "min": _extreme(min), "max": _extreme(max)}
