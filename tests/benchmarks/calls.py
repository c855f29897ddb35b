"""5,000 calls of ten floats, beside every peer; growing columns; many trackers, many names.

Every side runs in a process of its own, back to back calls, the caller's time of each.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Any

import peers
from fresh import fresh
from goals import Goal, Row, at_least, at_most
from measure import Numbers, each_call, ratio, rounds_of

# The peers, with how many times less the caller is to wait here; and how much fewer calls a slow one has time for.
PEERS: dict[str, tuple[str, Goal | None, int]] = {
    "mlflow_sqlite": ("mlflow.log_metrics, SQLite", at_least(1000), 50),
    "mlflow_server": ("mlflow.log_metrics, server", at_least(1000), 50),
    "wandb": ("wandb.run.log, offline", at_least(20), 1),
    "lightning_csv": ("Lightning's CSVLogger, each step", at_least(10), 10),
    "lightning_mlflow": ("Lightning's MLFlowLogger, server", None, 50),
    "lightning_wandb": ("Lightning's WandbLogger, offline", None, 1),
    "accelerate_mlflow": ("accelerate's MLflow tracker, server", None, 50),
    "accelerate_wandb": ("accelerate's W&B tracker, offline", None, 1),
    "trackio": ("trackio", at_least(5), 1),
    "dvclive": ("DVCLive", None, 50),
    "sacred": ("sacred's file observer", at_least(3), 1),
    "clu": ("CLU's metric writers", None, 1),
    "csv_module": ("csv.writer and a flush", None, 1),
}


def metrics_of(step: int, names: int = 10) -> dict[str, float]:
    """As many floats, other ones at each step, all of full length."""
    return {f"metric_{n}": 1.0 / (step + n + 3) for n in range(names)}


def peer_calls(peer: str, calls: int, server: str) -> Numbers:
    """The caller's time of each call of a peer."""
    rows = [metrics_of(step) for step in range(calls)]
    with getattr(peers, peer)(server) as log:
        return each_call(lambda step: log(step, rows[step]), calls)


def beside_the_peers(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """Each peer's median call as a multiple of ours, and ours of a bare write's."""
    count = {"tracklib": calls, "os_write": calls} | {
        name: max(20, calls // few) for name, (_, _, few) in PEERS.items()
    }
    sides = {
        name: functools.partial(fresh, peer_calls, peer=name, calls=its, server=server) for name, its in count.items()
    }
    found = rounds_of(sides, rounds)
    work = f"{calls:,} calls of ten floats"
    yield Row(work, "t.log / os.write of the same line, p50", ratio(found["tracklib"], found["os_write"]), at_most(3))
    for name, (title, goal, _) in PEERS.items():
        yield Row(work, f"{title} / t.log, p50", ratio(found[name], found["tracklib"]), goal, group=f"peer {title}")


# Columns that grow ------------------------------------------------------------------------------


def column_calls(peer: str, calls: int, every: int) -> Numbers:
    """The time of all calls with their block left; a new name takes an old one's place ``every`` so many calls."""
    rows = [metrics_of(step, 9) | {f"extra_{step // every}": 1.0 / (step + 1)} for step in range(calls)]
    with getattr(peers, peer)("") as log:
        begin = perf_counter_ns()
        calling = each_call(lambda step: log(step, rows[step]), calls)["total"]
    return {"calls": calling, "total": perf_counter_ns() - begin}


def growing_columns(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """A new name every 100 calls, against the same number of values under the same names throughout."""
    few = calls // 10
    sides = {
        "fixed": functools.partial(fresh, column_calls, peer="tracklib", calls=calls, every=calls),
        "growing": functools.partial(fresh, column_calls, peer="tracklib", calls=calls, every=100),
        "fixed, Lightning": functools.partial(fresh, column_calls, peer="lightning_csv", calls=few, every=few),
        "growing, Lightning": functools.partial(fresh, column_calls, peer="lightning_csv", calls=few, every=10),
    }
    found = rounds_of(sides, rounds)
    work = "a new name every 100 calls"
    what = "growing / fixed columns"
    yield Row(work, f"{what}, all calls and leaving", ratio(found["growing"], found["fixed"], "total"), at_most(2))
    yield Row(work, f"{what}, the calls alone", ratio(found["growing"], found["fixed"], "calls"), at_most(2))
    lightning = ratio(found["growing, Lightning"], found["fixed, Lightning"], "total")
    yield Row(work, f"{what}, Lightning's CSVLogger, a tenth of the calls", lightning)


# What makes a call dearer ------------------------------------------------------------------------


def tracker_calls(trackers: int, names: int, calls: int) -> Numbers:
    """The caller's time with so many CSV files attached, each a tracker with a thread of its own."""
    from tracklib import tracking

    configs: list[dict[str, Any]] = [{"type": "CsvLogger", "csv_filename": f"{n}.csv"} for n in range(trackers)]
    rows = [metrics_of(step, names) for step in range(min(calls, 1000))]
    with tracking(configs, output_run="run") as t:
        return each_call(lambda step: t.log(step, rows[step % 1000]), calls)


def nobody() -> str:
    """Where no server listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def dearer_calls(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """Ten trackers, and up to a thousand names in a call, against ten floats and the CSV alone."""
    by_trackers = {f"{n} trackers": {"trackers": n, "names": 10} for n in (1, 2, 5, 10)}
    by_names = {f"{n} names": {"trackers": 1, "names": n} for n in (1, 10, 100, 1000)}
    cases = by_trackers | by_names
    sides = {
        name: functools.partial(fresh, tracker_calls, calls=calls if case["names"] < 1000 else calls // 10, **case)
        for name, case in cases.items()
    }
    found = rounds_of(sides, rounds)
    alone = found["1 trackers"]
    for name, case in by_trackers.items():
        for number in ("p50", "p99"):
            what = f"t.log with {name} / with the CSV alone, {number}"
            group = f"trackers, {number}"
            yield Row(
                "ten attached trackers",
                what,
                ratio(found[name], alone, number),
                None,
                group,
                case["trackers"],
                case["trackers"] == 10,
            )
    for name, case in by_names.items():
        what = f"t.log of {name} / of ten, p50"
        yield Row("many names", what, ratio(found[name], alone), None, "names", case["names"], case["names"] > 10)
