"""A series drawn in bounded memory: buckets of mean, least and greatest value, so that no spike is lost."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import msgspec

from .records import Record
from .statistics import Reduced, combined, reduced, together
from .stretches import Stretch

BUCKETS = 1024
"""The most that a series has: where they are full, each two neighbours become one."""

SERIES = 2048
"""The most that are drawn."""

_ALL_BUCKETS = 2**17  # of all series: about 6 MB


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
        known = []
        begin = min(len(self.steps) * self.width - self.count, len(values))
        end = len(values) - (len(values) - begin) % self.width
        if begin:
            known.append(reduced(values[:begin]))
            self._fill(known[0])
        if begin < end:
            known.append(self._open_full(steps[begin:end], times[begin:end], values[begin:end]))
        if end < len(values):
            known.append(reduced(values[end:]))
            self._open(steps[end], times[end], known[-1])
        self.count += len(values)
        return together(known)

    def _open_full(self, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> Reduced:
        """Buckets that are full: each value is looked at three times, and by no loop of Python's where all are finite,
        as most are."""
        width = self.width
        totals = least = greatest = values
        if width > 1:
            parts = [values[at : at + width] for at in range(0, len(values), width)]
            totals, least, greatest = [*map(sum, parts)], [*map(min, parts)], [*map(max, parts)]
        total = sum(totals)
        if total - total != 0:
            return self._open_each(steps, times, values)
        self.steps.extend(steps[::width])
        self.times.extend(times[::width])
        self.finite.extend([width] * len(totals))
        self.means.extend([part / width for part in totals] if width > 1 else values)
        self.mins.extend(least)
        self.maxs.extend(greatest)
        return Reduced(total / len(values), len(values), 0, min(least), max(greatest))

    def _open_each(self, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> Reduced:
        known = [reduced(values[at : at + self.width]) for at in range(0, len(values), self.width)]
        for step, time, part in zip(steps[:: self.width], times[:: self.width], known, strict=True):
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
        mins = array("d", map(min, self.mins[::2], self.mins[1::2]))
        maxs = array("d", map(max, self.maxs[::2], self.maxs[1::2]))
        if odd:
            means.append(self.means[-1])
            finite.append(self.finite[-1])
            mins.append(self.mins[-1])
            maxs.append(self.maxs[-1])
        self.means, self.finite, self.mins, self.maxs = means, finite, mins, maxs
        self.steps, self.times = self.steps[::2], self.times[::2]
        self.width *= 2


class Curves:
    """The curves of a run's series, in bounded memory however many there are: the more, the fewer buckets each has.

    Beyond :data:`SERIES` no further series is drawn: only its points can say.
    """

    def __init__(self) -> None:
        self.of: dict[str, dict[str, Curve]] = {}
        self.buckets = BUCKETS
        self._series = 0

    def add(self, axis: str, name: str, steps: Sequence[int], times: Sequence[int], values: Sequence[float]) -> Reduced:
        """Draw on with values of one series; what they come to."""
        curves = self.of.setdefault(axis, {})
        curve = curves.get(name) or self._begin(curves, name)
        return curve.add(steps, times, values, self.buckets) if curve else reduced(values)

    def take(self, piece: Iterable[Stretch | Record]) -> None:
        """Draw on with a further piece of the journal."""
        for part in piece:
            if isinstance(part, Stretch):
                for name, values in zip(part.names, part.columns, strict=True):
                    self.add(part.axis, name, part.steps, part.times, values)

    def _begin(self, curves: dict[str, Curve], name: str) -> Curve | None:
        if self._series >= SERIES:
            return None
        self._series += 1
        curve = curves[name] = Curve()
        if self._series * self.buckets > _ALL_BUCKETS:
            self.buckets //= 2
            for each in [each for group in self.of.values() for each in group.values()]:
                while len(each.steps) > self.buckets:
                    each.merge()
        return curve

    def as_stored(self) -> Stored:
        """For a file."""
        return {axis: {name: _stored(curve) for name, curve in group.items()} for axis, group in self.of.items()}


def curves_of(stored: Stored) -> Curves:
    """What :meth:`Curves.as_stored` made a file's."""
    curves = Curves()
    curves.of = {axis: {name: _curve(each) for name, each in group.items()} for axis, group in stored.items()}
    curves._series = sum(map(len, curves.of.values()))
    while curves._series * curves.buckets > _ALL_BUCKETS:
        curves.buckets //= 2
    return curves


class StoredCurve(msgspec.Struct, array_like=True, omit_defaults=True):
    """A :class:`Curve` for a file: arrays as bytes. Where each bucket has one value, and that is finite, ``mins`` is
    all of them."""

    width: int
    count: int
    steps: bytes
    times: bytes
    mins: bytes
    means: bytes = b""
    finite: bytes = b""
    maxs: bytes = b""


Stored = dict[str, dict[str, StoredCurve]]


def _stored(curve: Curve) -> StoredCurve:
    kept = StoredCurve(curve.width, curve.count, curve.steps.tobytes(), curve.times.tobytes(), curve.mins.tobytes())
    if not (curve.width == 1 and all(curve.finite)):
        kept.means, kept.finite, kept.maxs = curve.means.tobytes(), curve.finite.tobytes(), curve.maxs.tobytes()
    return kept


def _curve(stored: StoredCurve) -> Curve:
    curve = Curve()
    curve.width, curve.count = stored.width, stored.count
    curve.steps, curve.times = array("q", stored.steps), array("q", stored.times)
    curve.mins, curve.maxs = array("d", stored.mins), array("d", stored.maxs or stored.mins)
    curve.means = array("d", stored.means or stored.mins)
    curve.finite = array("q", stored.finite) if stored.finite else array("q", [1]) * len(curve.mins)
    return curve
