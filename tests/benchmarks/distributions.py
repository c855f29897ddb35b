"""What ``t.log_histogram`` costs on the loop's way: beside numpy's own count of the same values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fresh import fresh
from goals import Row, at_most
from measure import Numbers, rounds_of, spread
from words import in_turns


def calls_of(calls: int) -> Numbers:
    """The median time of a call of each, of 100,000 floats."""
    import numpy

    from tracklib import tracking

    values: Any = numpy.random.default_rng(0).normal(size=100_000)
    with tracking(output_run="run") as t:
        return in_turns(
            {
                "ours": lambda step: t.log_histogram(step, {"grad": values}),
                "numpy": lambda step: (numpy.histogram(values, 64), values.mean(), values.std()),
            },
            calls,
        )


def histograms(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """Ours against numpy's."""
    found = rounds_of({"both": lambda: fresh(calls_of, calls=max(20, calls // 50))}, rounds)["both"]
    what = "t.log_histogram of 100,000 floats / numpy.histogram, mean and std of them"
    if isinstance(found, str):
        yield Row("log_histogram", what, found)
        return
    yield Row("log_histogram", what, spread(each["ours"] / each["numpy"] for each in found), at_most(1.5))
