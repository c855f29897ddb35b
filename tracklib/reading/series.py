"""One metric's values over its steps, all of them; and what is drawn of them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from .._journal.curve import Curve
from .buckets import Buckets
from .column import Column
from .table import Table

_VIEWPORT = 1000


class Series:
    """A metric on one axis: ``plt.plot(series.steps, series.values)``.

    Attributes:
        name: the metric's.
        axis: what the steps count.
        steps: an ``array`` of integers.
        times: an ``array`` of milliseconds since 1970, UTC.
        values: an ``array`` of floats, NaN and the infinities as they were logged.
    """

    def __init__(self, name: str, axis: str, steps: Any, times: Any, values: Any) -> None:
        self.name, self.axis = name, axis
        self.steps, self.times, self.values = steps, times, values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Each step with its value."""
        return zip(self.steps, self.values, strict=True)

    def smooth(self, weight: float) -> Series:
        """The same series, smoothed as W&B's page does: a debiased exponential moving average, weighted by how far the
        steps are apart. Source: docs.wandb.ai, "Smooth line plots".

        Args:
            weight: from 0, which changes nothing, to less than 1. NaN and the infinities stay as they are, and do not
                enter the average.

        Raises:
            ValueError: ``weight`` is not in that range.
        """
        return Series(self.name, self.axis, self.steps, self.times, smoothed(self.steps, self.values, weight))

    def buckets(self, most: int) -> Buckets:
        """The series in buckets of equally many values, for drawing; no spike is lost, as ``mins`` and ``maxs`` show
        it.

        Args:
            most: at most so many buckets.

        Raises:
            ValueError: ``most`` is less than 1.
        """
        if most < 1:
            raise ValueError(f"most must be at least one bucket, as 1000; got {most!r}")
        width = max(1, math.ceil(len(self) / most))
        curve = Curve(width)
        if len(self):
            curve.add(self.steps, self.times, self.values, buckets=most)
        return Buckets(self.name, self.axis, curve, self.steps[-1] if len(self) else 0)

    def between(self, first: int, last: int) -> Series:
        """The values at steps from ``first`` to ``last``, both included, in the order in which they were logged."""
        return self._kept([place for place, step in enumerate(self.steps) if first <= step <= last])

    def between_times(self, first: int, last: int) -> Series:
        """The values logged from ``first`` to ``last``, both included, in milliseconds since 1970, UTC, in order."""
        return self._kept([place for place, time in enumerate(self.times) if first <= time <= last])

    def _kept(self, kept: Sequence[int]) -> Series:
        columns = ((self.steps, "q"), (self.times, "q"), (self.values, "d"))
        return Series(self.name, self.axis, *(array(kind, [column[i] for i in kept]) for column, kind in columns))

    def table(self) -> Table:
        """The series as a table of three columns: the axis, ``time``, and the metric."""
        columns = {self.axis: Column("int", self.steps), "time": Column("time", self.times)}
        return Table({**columns, self.name: Column("float", self.values)}, len(self))

    def to_pandas(self) -> Any:
        """A pandas Series with the steps as its index.

        Raises:
            ImportError: pandas is not installed.
        """
        import numpy as np
        import pandas as pd

        index = pd.Index(np.frombuffer(self.steps, "i8"), name=self.axis)
        return pd.Series(np.frombuffer(self.values, "f8"), index, name=self.name)

    def __repr__(self) -> str:
        return f"<Series {self.name!r} of {len(self)} values over {self.axis}>"


def smoothed(steps: Sequence[int], values: Sequence[float], weight: float) -> Any:
    """The exponential moving average of W&B's page: debiased, and weighted by how far the steps lie apart.

    Source: docs.wandb.ai, "Smooth line plots": time weighted exponential moving average, with a viewport of 1,000.
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight must be from 0 to less than 1, as 0.9; got {weight!r}")
    if not weight or len(values) < 2:
        return array("d", values)
    kept = min(math.sqrt(weight), 0.999)
    scale = _VIEWPORT / ((max(steps) - min(steps)) or 1)
    found = array("d")
    total = weights = 0.0
    before = steps[0]
    for step, value in zip(steps, values, strict=True):
        if value - value == 0:
            fading = kept ** (max(step - before, 0) * scale)
            before = step
            total, weights = total * fading + value, weights * fading + 1.0
            value = total / weights
        found.append(value)
    return found
