"""What a framework's adapter adds to a call of ours."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from time import perf_counter_ns

from calls import metrics_of
from fresh import fresh
from goals import Row, at_most
from measure import Numbers, percentiles, ratio, rounds_of


def both_ways(calls: int) -> Numbers:
    """The caller's time of ``t.log`` and of Lightning's ``log_metrics`` with our logger, turn by turn in one run."""
    from tracklib import tracking
    from tracklib.integrations.lightning import TracklibLogger

    rows = [metrics_of(step) for step in range(calls)]
    times: tuple[list[int], list[int]] = ([], [])
    with tracking(output_run="run", environment=False) as t:
        logger = TracklibLogger()
        for step, row in enumerate(rows):
            began = perf_counter_ns()
            t.log(step, row, axis="step")
            between = perf_counter_ns()
            logger.log_metrics(row, step=step)
            times[1].append(perf_counter_ns() - between)
            times[0].append(between - began)
    direct, adapter = map(percentiles, times)
    return {"direct": direct["p50"], "adapter": adapter["p50"]}


def log_metrics(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """The one as a multiple of the other."""
    found = rounds_of({"both": functools.partial(fresh, both_ways, calls=calls)}, rounds)["both"]
    work = f"{calls:,} calls of ten floats"
    yield Row(work, "TracklibLogger.log_metrics / t.log, p50", ratio(found, found, "adapter", "direct"), at_most(1.3))
