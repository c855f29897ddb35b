"""The curves of a run's series, in memory and in a file."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import msgspec

from .curve import BUCKETS, Curve
from .records import Record
from .statistics import Reduced, reduced
from .stretches import Stretch

SERIES = 2048
"""The most that are drawn."""

_ALL_BUCKETS = 2**17  # of all series: about 6 MB


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
