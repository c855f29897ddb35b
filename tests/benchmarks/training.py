"""Epochs with real work between the calls: what a call costs while trackers are busy; and a dead server."""

from __future__ import annotations

import functools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

from calls import metrics_of, nobody
from fresh import fresh
from goals import Row, at_most
from measure import Numbers, each_call, percentiles, ratio, rounds_of, spread

WORK_NS = 5_000_000


def _until_ready(run: Any, patience: float) -> None:
    run.wait_ready(patience)


def epochs(
    configs: list[dict[str, Any]], count: int, patience: float = 60.0, wait: Callable[..., None] = _until_ready
) -> Numbers:
    """The caller's time of ``log``, with about 5 ms of numpy before each; of all calls, and of those (``kept``) during
    which the system did not give the core to somebody else.

    It begins when every tracker is connected, or after ``patience`` seconds.
    """
    from tracklib import tracking

    times, kept = [], []
    with tracking(configs, output_run="run") as t:
        wait(t, patience)
        work = work_of(WORK_NS)
        begin = perf_counter_ns()
        for epoch in range(count):
            work()
            metrics = metrics_of(epoch)
            taken, before = _taken(), perf_counter_ns()
            t.log(epoch, metrics)
            times.append(perf_counter_ns() - before)
            if _taken() == taken:
                kept.append(times[-1])
        found = percentiles(times) | {"loop": perf_counter_ns() - begin}
        return found | {"kept p99": percentiles(kept)["p99"], "taken": len(times) - len(kept)}


def _taken() -> int:
    """How often this thread was set aside in the middle of its work. One that waits for the interpreter's lock is not
    counted: that is ours."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def epochs_apart(configs: list[dict[str, Any]], count: int) -> Numbers:
    """:func:`epochs` with the same deliveries in another process: what is left where no lock is shared with them."""
    from tracklib._delivery import delivery as _delivery
    from tracklib._run.attempt import Attempt

    _delivery.Delivery.start = lambda self: None  # type: ignore[method-assign]
    Attempt.leave = lambda self, patience: None  # type: ignore[method-assign]
    program = "import training; training.deliver('run')"
    other: list[subprocess.Popen[bytes]] = []

    def begin_other(run: Any, patience: float) -> None:
        other.append(subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert other[0].stdout is not None
        assert other[0].stdout.read(1) == b"+"

    numbers = epochs(configs, count, wait=begin_other)
    other[0].communicate()
    return numbers


def deliver(directory: str) -> None:
    """Deliver what the run in ``directory`` says, until stdin is closed; say so when all trackers are connected."""
    from tracklib._delivery.delivery import Delivery
    from tracklib._delivery.standing import Standing
    from tracklib._journal.last_attempt import earlier_run
    from tracklib.trackers._configs import build
    from tracklib.trackers._identity import fingerprints, names_of

    run = earlier_run(directory)
    assert run is not None
    configs = run.begin.configs
    deliveries = []
    for tracker, name, config in zip(build(configs), names_of(configs), fingerprints(configs), strict=True):
        tracker.output_run = os.path.abspath(directory)
        journal = os.path.join(tracker.output_run, "journal.jsonl")
        deliveries.append(Delivery(tracker, name, tracker.output_run, run.begin, journal, config=config))
    for delivery in deliveries:
        delivery.start()
    while any(delivery.standing is Standing.CONNECTING for delivery in deliveries):
        time.sleep(0.05)
    os.write(1, b"+")
    sys.stdin.read()
    os._exit(0)


def only_pauses(count: int) -> Numbers:
    """A bare ``os.write`` after the same work: what the cold caches cost alone, without anybody's thread."""
    fd = os.open("lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    line, times, work = b"x" * 370 + b"\n", [], work_of(WORK_NS)
    for _ in range(count):
        work()
        before = perf_counter_ns()
        os.write(fd, line)
        times.append(perf_counter_ns() - before)
    return percentiles(times)


def work_of(nanoseconds: int) -> Any:
    """Work that takes about so long: elementwise, so that it takes one core and lets the lock go as numpy does."""
    import numpy

    one = numpy.random.default_rng(0).random(20_000)

    def once() -> float:
        return float(numpy.sqrt(one * one + 1.0).sum())

    times = max(1, round(nanoseconds / each_call(lambda step: once(), 200)["p50"]))
    return lambda: [once() for _ in range(times)]


def busy_trackers(count: int, rounds: int, server: str) -> Iterator[Row]:
    """With the CSV, an MLflow server and offline W&B, against the CSV alone."""
    attached = [
        {"type": "Mlflow", "experiment_name": "bench", "tracking_uri": server},
        {"type": "Wandb", "project": "bench", "mode": "offline"},
    ]
    sides = {
        "alone": functools.partial(fresh, epochs, configs=[], count=count),
        "MLflow": functools.partial(fresh, epochs, configs=attached[:1], count=count),
        "W&B": functools.partial(fresh, epochs, configs=attached[1:], count=count),
        "all": functools.partial(fresh, epochs, configs=attached, count=count),
        "apart": functools.partial(fresh, epochs_apart, configs=attached, count=count),
        "write": functools.partial(fresh, only_pauses, count=count),
    }
    found = rounds_of(sides, rounds)
    alone = found["alone"]
    work = f"{count} epochs of 5 ms numpy"
    what = "p99 with CSV, MLflow server and W&B / p50 without"
    yield Row(work, what, ratio(found["all"], alone, "p99", "p50"), at_most(3))
    undisturbed = f"{what}, calls in which the core was taken left out"
    yield Row(work, undisturbed, ratio(found["all"], alone, "kept p99", "p50"), at_most(3))
    for name, title in {"all": "all three", "alone": "the CSV alone"}.items():
        numbers = found[name]
        left_out = numbers if isinstance(numbers, str) else spread(each["taken"] / count for each in numbers)
        yield Row(work, f"share of calls in which the core was taken, {title}", left_out)
    for name, title in {"alone": "the CSV alone", "MLflow": "an MLflow server", "W&B": "offline W&B"}.items():
        yield Row(work, f"p99 with {title} / p50 without", ratio(found[name], alone, "p99", "p50"))
    apart = ratio(found["apart"], alone, "p99", "p50")
    yield Row(work, "p99 with all three in a process of their own / p50 without", apart)
    yield Row(work, "p99 of a bare os.write / p50 without", ratio(found["write"], alone, "p99", "p50"))
    yield Row(work, "p50 with all three / p50 without", ratio(found["all"], alone))
    loop = "the whole loop with all three"
    yield Row(work, f"{loop} / without", ratio(found["all"], alone, "loop"))
    yield Row(work, f"{loop} in a process of their own / without", ratio(found["apart"], alone, "loop"))


def dead_server(count: int, rounds: int, server: str) -> Iterator[Row]:
    """The same loop, where nothing listens at the tracking URI."""
    dead = [{"type": "Mlflow", "experiment_name": "bench", "tracking_uri": nobody()}]
    sides = {
        "alone": functools.partial(fresh, epochs, configs=[], count=count),
        "dead": functools.partial(fresh, epochs, configs=dead, count=count, patience=3.0),
    }
    found = rounds_of(sides, rounds)
    for number, title in {"p50": "p50 of t.log", "p99": "p99 of t.log", "loop": "the whole loop"}.items():
        yield Row("a dead MLflow server", f"{title} with it / without", ratio(found["dead"], found["alone"], number))
