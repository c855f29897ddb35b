"""How it is measured: rounds that take turns, the time of each call, and ratios of one run only."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter_ns
from typing import Any, NamedTuple

from fresh import CannotRun

Numbers = dict[str, Any]


class Spread(NamedTuple):
    """The median of the rounds, with the least and the greatest of them."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float]) -> Spread:
    """The median of ``values``, the least and the greatest."""
    known = list(values)
    return Spread(statistics.median(known), min(known), max(known))


def rounds_of(sides: Mapping[str, Callable[[], Numbers]], rounds: int) -> dict[str, list[Numbers] | str]:
    """The numbers of each side in each round; a text instead, where a side cannot be measured.

    In a round each side is measured once, the first of them another one each time: whatever else the
    machine does meets them all alike. A round 0 warms the caches up and does not count.
    """
    found: dict[str, list[Numbers] | str] = {name: [] for name in sides}
    names = list(sides)
    for number in range(rounds + 1):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            known = found[name]
            if isinstance(known, str):
                continue
            print(f"    round {number}: {name}", file=sys.stderr, flush=True)
            try:
                numbers = sides[name]()
            except CannotRun as trouble:
                found[name] = str(trouble)
            else:
                known += [numbers] if number else []
    return found


def ratio(
    over: list[Numbers] | str, under: list[Numbers] | str, number: str = "p50", than: str | None = None
) -> Spread | str:
    """``number`` of one side as a multiple of what the other side has in the same round: of ``than``, or the same."""
    if isinstance(over, str) or isinstance(under, str):
        return over if isinstance(over, str) else str(under)
    return spread(mine[number] / theirs[than or number] for mine, theirs in zip(over, under, strict=True))


def each_call(call: Callable[[int], object], count: int) -> Numbers:
    """The caller's time of each of ``count`` calls, in ns: its median, its 99th percentile, and their sum."""
    times = []
    for step in range(count):
        begin = perf_counter_ns()
        call(step)
        times.append(perf_counter_ns() - begin)
    return percentiles(times)


def percentiles(times: list[int]) -> Numbers:
    """What is told of many calls' times."""
    ordered = sorted(times)
    return {
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[len(ordered) * 99 // 100],
        "total": sum(ordered),
    }
