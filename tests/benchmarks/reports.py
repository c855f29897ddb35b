"""Making the report: how long it takes, and how large the page is."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fresh import fresh
from goals import Row, at_most
from made import make_run
from measure import Numbers, rounds_of, spread

_MAKE = """
import json, resource
import tracklib
path = tracklib.runs("runs").report("report.html")
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime}))
"""


def make_runs(runs: int, records: int, metrics: int) -> None:
    """So many runs of so many records, below ``runs``; no two curves are the same."""
    names = [f"train/m{index}" for index in range(metrics)]
    for number in range(runs):

        def logged(step: int, number: int = number) -> dict[str, float]:
            value = math.exp(-step / records) + number / runs
            return {name: value + index + step % 7 / 50 for index, name in enumerate(names)}

        make_run(f"runs/run-{number}", records, logged, uid=f"{number:016x}")


def page_of(runs: int, records: int, metrics: int) -> Numbers:
    """A page of so many runs, made when their summaries are there: the whole process, and the page's size."""
    make_runs(runs, records, metrics)
    _made()  # compiles what is imported
    return _made() | {"mb": Path("report.html").stat().st_size / 1e6}


def _made() -> Numbers:
    done = subprocess.run([sys.executable, "-c", _MAKE], capture_output=True, text=True, check=True)
    made: Numbers = json.loads(done.stdout)
    return made


def reports(records: int, rounds: int, server: str) -> Iterator[Row]:
    """Each goal of the page that needs no browser."""
    share = min(1.0, records / 100_000)
    some, many = max(2, round(100 * share)), max(2, round(500 * share))
    one, two, five = (functools.partial(fresh, page_of, metrics=metrics) for metrics in (1, 2, 5))
    sizes = {
        f"1 run x {records:,}": (functools.partial(one, runs=1, records=records), 0.4, 0.15),
        f"{some} runs x {records:,} x 2": (functools.partial(two, runs=some, records=records), 0.5, 3.0),
        f"{many} runs x 50 x 5": (functools.partial(five, runs=many, records=50), 0.6, 2.5),
    }
    found = rounds_of({name: make for name, (make, _, _) in sizes.items()}, rounds)
    for name, (_, seconds, size) in sizes.items():
        yield _row(name, "page made, whole process, CPU s", found[name], "cpu", seconds)
        yield _row(name, "the page's size, MB", found[name], "mb", size)


def _row(work: str, what: str, found: list[Numbers] | str, number: str, goal: float) -> Row:
    known = found if isinstance(found, str) else spread(each[number] for each in found)
    return Row(work, what, known, at_most(goal))
