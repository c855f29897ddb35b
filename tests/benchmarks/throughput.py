"""How fast metrics arrive at a real MLflow server, against MLflow's own batches of 1,000."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from time import perf_counter_ns

from calls import metrics_of
from fresh import fresh
from goals import Row, at_least
from measure import Numbers, ratio, rounds_of


def ours(records: int, server: str) -> Numbers:
    """Records per second of a whole run, from before its block to behind it. The SDK is imported before, as there."""
    import mlflow  # noqa: F401

    from tracklib import tracking

    begin = perf_counter_ns()
    config = {"type": "Mlflow", "experiment_name": "bench", "tracking_uri": server}
    with tracking([config], output_run="run", on_error="raise") as t:
        for step in range(records):
            t.log(step, metrics_of(step))
    return {"rate": records / (perf_counter_ns() - begin)}


def bare(records: int, server: str) -> Numbers:
    """The same by hand: a run is created, gets its batches of 1,000 metrics, and is terminated."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    begin = perf_counter_ns()
    client = MlflowClient(server)
    found = client.get_experiment_by_name("bench")
    run = client.create_run(found.experiment_id if found else client.create_experiment("bench"))
    points = [
        Metric(name, value, 1_700_000_000_000 + step, step)
        for step in range(records)
        for name, value in metrics_of(step).items()
    ]
    for start in range(0, len(points), 1000):
        client.log_batch(run.info.run_id, metrics=points[start : start + 1000])
    client.set_terminated(run.info.run_id)
    return {"rate": records / (perf_counter_ns() - begin)}


def throughput(records: int, rounds: int, server: str) -> Iterator[Row]:
    """Metrics per second until all has arrived and the run is closed."""
    sides = {
        "ours": functools.partial(fresh, ours, records=records, server=server),
        "bare": functools.partial(fresh, bare, records=records, server=server),
    }
    found = rounds_of(sides, rounds)
    what = "metrics per second, close included / bare log_batch of 1,000"
    yield Row(
        f"{records:,} records into an MLflow server", what, ratio(found["ours"], found["bare"], "rate"), at_least(0.9)
    )
