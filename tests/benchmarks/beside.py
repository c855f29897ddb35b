"""The companion process beside the same trackers in threads of the training process, and beside none."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from calls import metrics_of
from fresh import fresh
from goals import Row, at_most
from measure import Numbers, percentiles, ratio, rounds_of, spread
from training import WORK_NS, work_of

_PATIENCE = 120.0


def a_run(configs: list[dict[str, Any]], count: int) -> Numbers:
    """One whole run: epochs while the trackers connect, epochs afterwards, a flood, and the end; times in ns."""
    from tracklib import tracking

    work = work_of(WORK_NS)
    block = tracking(configs, output_run="run")
    numbers: Numbers = {}
    with contextlib.ExitStack() as stack:
        with _timed(numbers, "enter"):
            t = stack.enter_context(block)
        numbers |= _epochs(t, "connecting", range(count), work)
        assert t.wait_ready(_PATIENCE)
        numbers |= _epochs(t, "afterwards", range(count, 2 * count), work)
        t.flush(_PATIENCE)
        t.log(2 * count, metrics_of(0))
        with _timed(numbers, "flush"):
            assert t.flush(_PATIENCE)
        with _timed(numbers, "flood"):
            for step in range(2 * count, 12 * count):
                t.log(step, metrics_of(step))
            assert t.flush(_PATIENCE)
        numbers |= {"here": _resident("self"), "there": sum(map(_resident, _companions()))}
        before_leaving = perf_counter_ns()
    return numbers | {"leave": perf_counter_ns() - before_leaving}


def _epochs(t: Any, when: str, steps: range, work: Callable[[], object]) -> Numbers:
    times = []
    begin = perf_counter_ns()
    for step in steps:
        work()
        metrics = metrics_of(step)
        before = perf_counter_ns()
        t.log(step, metrics)
        times.append(perf_counter_ns() - before)
    known = {"loop": perf_counter_ns() - begin, "worst": max(times)} | percentiles(times)
    return {f"{when} {name}": number for name, number in known.items()}


@contextlib.contextmanager
def _timed(numbers: Numbers, name: str) -> Iterator[None]:
    begin = perf_counter_ns()
    yield
    numbers[name] = perf_counter_ns() - begin


def _resident(pid: str) -> float:
    """A process's memory in MB; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc", pid, "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _companions() -> Iterator[str]:
    """This process's."""
    from tracklib._delivery.process import START

    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if os.fsencode(START) in command and str(os.getpid()).encode() in command:
                yield folder.name


def beside_threads(count: int, rounds: int, server: str) -> Iterator[Row]:
    """With the CSV, an MLflow server and offline W&B: in the companion, in threads, and the CSV alone."""
    attached = [
        {"type": "Mlflow", "experiment_name": "bench", "tracking_uri": server},
        {"type": "Wandb", "project": "bench", "mode": "offline"},
    ]
    here = [config | {"in_process": True} for config in attached]
    sides = {
        "alone": functools.partial(fresh, a_run, configs=[], count=count),
        "companion": functools.partial(fresh, a_run, configs=attached, count=count),
        "threads": functools.partial(fresh, a_run, configs=here, count=count),
    }
    found = rounds_of(sides, rounds)
    alone, goals = found["alone"], {"connecting loop": 1.2, "afterwards loop": 1.02, "afterwards p99": 3.0}
    for when in ("connecting", "afterwards"):
        for number in ("loop", "p50", "p99", "worst"):
            name = f"{when} {number}"
            for side in ("companion", "threads"):
                goal = at_most(goals[name]) if side == "companion" and name in goals else None
                yield Row("beside threads", f"{name}: {side} / none", ratio(found[side], alone, name), goal)
    for side in ("companion", "threads"):
        yield from _absolute(side, found[side], count)


_UNITS = {"enter": 1e6, "flush": 1e6, "leave": 1e6, "here": 1.0, "there": 1.0}
_TITLES = {
    "enter": "entering, ms",
    "flush": "flush of one record, ms",
    "leave": "leaving, ms",
    "here": "the training process, MB",
    "there": "the companion, MB",
}


def _absolute(side: str, found: list[Numbers] | str, count: int) -> Iterator[Row]:
    for name, title in _TITLES.items():
        known = found if isinstance(found, str) else spread(each[name] / _UNITS[name] for each in found)
        yield Row("beside threads", f"{title}: {side}", known)
    rate = found if isinstance(found, str) else spread(10 * count / each["flood"] * 1e9 for each in found)
    yield Row("beside threads", f"records a second until all has arrived: {side}", rate)
