"""One series drawn in bounded memory: buckets of mean, least and greatest value, so that no spike is lost."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import truediv

from .statistics import Reduced, all_ends, combined, reduced, together

BUCKETS = 1024
"""The most that a series has: where they are full, each two neighbours become one."""


class Curve:
    """The buckets of one series, each of ``width`` values; the last may hold fewer.

    Attributes:
        steps: of the first value in each bucket; ``times`` likewise, in milliseconds since 1970.
        means: of the finite values in each bucket; NaN where there are none.
        finite: how many those are.
        mins, maxs: the least and the greatest value; infinite the wrong way round where all are NaN.
        width: how many values a bucket holds.
        count: how many values there are in all.
    """

    __slots__ = ("count", "finite", "maxs", "means", "mins", "steps", "times", "width")

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self.count = 0
        self.steps, self.times, self.finite = array("q"), array("q"), array("q")
        self.means, self.mins, self.maxs = array("d"), array("d"), array("d")

    def add(
        self, steps: Sequence[int], times: Sequence[int], values: Sequence[float], buckets: int = BUCKETS
    ) -> Reduced:
        """Draw on with ``values``, at least one, in at most so many ``buckets``; what the values come to."""
        while self.width * buckets < self.count + len(values) or len(self.steps) > buckets:
            self.merge()
        room = min(len(self.steps) * self.width - self.count, len(values))
        parts = [values[at : at + self.width] for at in range(room, len(values), self.width)] if self.width > 1 else []
        if room:
            parts.insert(0, values[:room])
        totals = [*map(sum, parts)] if parts else values
        total = sum(totals)
        self.count += len(values)
        if total - total != 0:
            return self._add_each(steps, times, parts or [[value] for value in values], room)
        least, greatest = all_ends(parts) if parts else (values, values)
        self._add_finite(steps, times, [*map(len, parts)] or [1] * len(values), room, totals, least, greatest)
        return Reduced(total / len(values), len(values), 0, min(least), max(greatest))

    def _add_finite(
        self,
        steps: Sequence[int],
        times: Sequence[int],
        counts: list[int],
        room: int,
        totals: Sequence[float],
        least: Sequence[float],
        greatest: Sequence[float],
    ) -> None:
        """Parts of which so much is known, without a loop of Python's over the values. The first one goes into the last
        bucket, if that has ``room``."""
        if room:
            self._fill(Reduced(totals[0] / room, room, 0, least[0], greatest[0]))
            counts, totals, least, greatest = counts[1:], totals[1:], least[1:], greatest[1:]
        self.steps.extend(steps[room :: self.width])
        self.times.extend(times[room :: self.width])
        self.finite.extend(counts)
        self.means.extend(map(truediv, totals, counts) if self.width > 1 else totals)
        self.mins.extend(least)
        self.maxs.extend(greatest)

    def _add_each(self, steps: Sequence[int], times: Sequence[int], parts: list[Sequence[float]], room: int) -> Reduced:
        """The same of parts whose values are not all finite."""
        known = [*map(reduced, parts)]
        if room:
            self._fill(known[0])
        opened = known[1:] if room else known
        for step, time, part in zip(steps[room :: self.width], times[room :: self.width], opened, strict=True):
            self._open(step, time, part)
        return together(known)

    def _open(self, step: int, time: int, known: Reduced) -> None:
        self.steps.append(step)
        self.times.append(time)
        self.means.append(known.mean)
        self.finite.append(known.finite)
        self.mins.append(known.least)
        self.maxs.append(known.greatest)

    def _fill(self, known: Reduced) -> None:
        """Add to the last bucket, which has room."""
        self.means[-1] = combined(self.means[-1], self.finite[-1], known.mean, known.finite)
        self.finite[-1] += known.finite
        self.mins[-1] = min(self.mins[-1], known.least)
        self.maxs[-1] = max(self.maxs[-1], known.greatest)

    def merge(self) -> None:
        """Make one bucket of each two neighbours; one that has none keeps its values, and has room for more."""
        odd = len(self.steps) % 2
        firsts, seconds = self.means[::2], self.means[1::2]
        if self.finite.count(self.width) == len(self.finite):
            means = array("d", [0.5 * first + 0.5 * second for first, second in zip(firsts, seconds, strict=False)])
            finite = array("q", [2 * self.width]) * len(means)
        else:
            pairs = zip(firsts, self.finite[::2], seconds, self.finite[1::2], strict=False)
            means = array("d", [combined(*pair) for pair in pairs])
            finite = array("q", map(sum, zip(self.finite[::2], self.finite[1::2], strict=False)))
        lows, highs = (
            zip(self.mins[::2], self.mins[1::2], strict=False),
            zip(self.maxs[::2], self.maxs[1::2], strict=False),
        )
        mins = array("d", [first if first <= second else second for first, second in lows])
        maxs = array("d", [first if first >= second else second for first, second in highs])
        if odd:
            means.append(self.means[-1])
            finite.append(self.finite[-1])
            mins.append(self.mins[-1])
            maxs.append(self.maxs[-1])
        self.means, self.finite, self.mins, self.maxs = means, finite, mins, maxs
        self.steps, self.times = self.steps[::2], self.times[::2]
        self.width *= 2
