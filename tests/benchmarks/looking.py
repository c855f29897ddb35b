"""Reading runs back: many at once, all the points of a long one, how each stands, and what the summaries cost."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time, sleep, thread_time
from typing import Any

from calls import metrics_of
from fresh import fresh
from goals import Row, at_most
from made import make_run
from measure import Numbers, rounds_of, spread

RUNS = 500
EPOCHS = 50

LIST = """
import tracklib
for run in tracklib.runs("runs"):
    run.name, run.status, run.took, run.epoch, run.value("val/loss"), run.value("lr")
"""
POINTS = """
import tracklib
assert len(tracklib.load("run").metrics["m0"]) > 0
"""
_TOLD = """
import json, resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024}))
"""


def _told(program: str) -> Numbers:
    """What a program took, as a whole process: seconds of the processor, and the most memory in MB."""
    done = subprocess.run([sys.executable, "-c", program + _TOLD], capture_output=True, text=True, check=True)
    told: Numbers = json.loads(done.stdout)
    return told


def many_runs(runs: int) -> Numbers:
    """Listing many finished runs, with summaries and without; and asking how each stands once it has no end."""
    from tracklib import tracking
    from tracklib._journal.lock import holding

    for number in range(runs):
        with tracking(output_run=f"runs/run-{number}", params={"lr": number / runs, "seed": number}) as t:
            for epoch in range(EPOCHS):
                t.log(epoch, {"train/loss": 1 / (1 + epoch)})
                t.log(epoch, {"val/loss": 1 / (2 + epoch)})
    _told(LIST)  # compiles what is imported
    found = {"with": _told(LIST)["cpu"]}
    for summary in Path("runs").glob("*/state/summary"):
        summary.unlink()
    found["without"] = _told(LIST)["cpu"]
    begin = process_time()
    for number in range(runs):
        holding(f"runs/run-{number}")
    return found | {"standing": 1000 * (process_time() - begin)}


def all_points(records: int) -> Numbers:
    """All the points of a long run with four metrics, as columns; of the whole process that reads them."""
    rows = [
        {f"m{index}": value for index, value in enumerate([*metrics_of(step).values()][:4])} for step in range(1000)
    ]
    make_run("run", records, lambda step: rows[step % 1000])
    return _told(POINTS)


def a_run(calls: int, a_second: int = 0) -> Numbers:
    """What summary and curves take of the processor, as a share of what the rest of a run with a CSV takes, and as a
    share of the rest of the CSV's delivery: where it logs as fast as it can, or so many times ``a_second``."""
    from tracklib import tracking
    from tracklib._journal.sketch import Sketch

    taken, take = [0.0], Sketch.take

    def watched(*arguments: Any) -> None:
        begin = thread_time()
        take(*arguments)
        taken[0] += thread_time() - begin

    Sketch.take = watched  # type: ignore[method-assign,assignment]
    rows = [metrics_of(step) for step in range(1000)]
    begin, own, began = process_time(), thread_time(), perf_counter()
    with tracking(output_run="run") as t:
        for step in range(calls):
            t.log(step, rows[step % 1000])
            if a_second and step % 10 == 9:
                sleep(max(0.0, began + step / a_second - perf_counter()))
    rest, others = process_time() - begin - taken[0], thread_time() - own
    return {"run": 1 + taken[0] / rest, "delivery": 1 + taken[0] / (rest - others)}


def looking_at_runs(records: int, rounds: int, server: str) -> Iterator[Row]:
    """Each goal of reading, and what writing for the readers costs a run."""
    runs = max(10, round(RUNS * min(1.0, records / 1_000_000)))
    sides = {
        "many": functools.partial(fresh, many_runs, runs=runs),
        "points": functools.partial(fresh, all_points, records=records),
        "fast": functools.partial(fresh, a_run, calls=records // 4),
        "paced": functools.partial(fresh, a_run, calls=records // 200, a_second=1000),
    }
    found = rounds_of(sides, rounds)
    many, points = found["many"], found["points"]
    yield from _absolute(f"{runs} runs", "list, whole process, CPU s", many, "with", 0.15)
    yield from _absolute(f"{runs} runs", "list without any summary, CPU s", many, "without", 0.5)
    yield from _absolute(f"{runs} runs", "how each stands, CPU ms", many, "standing", 10)
    yield from _absolute(f"{records:,} records x 4", "all points as columns, whole process, CPU s", points, "cpu", 2.5)
    yield from _absolute(f"{records:,} records x 4", "the same, most memory, MB", points, "mb", 70)
    for name, calls in (("fast", f"{records // 4:,} calls"), ("paced", f"{records // 200:,} calls, 1,000 a second")):
        yield from _absolute(calls, "run with summary and curves / without, CPU", found[name], "run", 1.05)
        yield from _absolute(calls, "CSV's delivery with them / without, CPU", found[name], "delivery", 1.05)


def _absolute(work: str, what: str, found: list[Numbers] | str, number: str, goal: float) -> Iterator[Row]:
    if isinstance(found, str):
        yield Row(work, what, found)
    else:
        yield Row(work, what, spread(numbers[number] for numbers in found), at_most(goal))
