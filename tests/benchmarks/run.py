"""tracklib beside what a user would pick instead, on the same work in the same run::

    pip install ".[bench]"
    python tests/benchmarks/run.py            # all of it; --quick to try it out

Prints each ratio with its goal, and writes JSON, the table as CSV and a picture into ``--into``. Every side
runs in a fresh process, rounds take turns, and a ratio compares numbers of one round only. No run looks at
git and the packages meanwhile (``TRACKLIB_ENVIRONMENT=0``): that is done in the background, once a run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import adapters
import beside
import calls
import distributions
import long
import looking
import report
import reports
import seen
import throughput
import training
import words
from fresh import CannotRun
from goals import Row, from_json
from server import mlflow_server


class Work(NamedTuple):
    """One group of measurements, its full size, and the size for trying out."""

    rows: Callable[[int, int, str], Iterator[Row]]
    size: int
    quick: int


WORKS = {
    "peers": Work(calls.beside_the_peers, 5_000, 200),
    "epochs": Work(training.busy_trackers, 200, 20),
    "beside": Work(beside.beside_threads, 200, 20),
    "dead": Work(training.dead_server, 200, 20),
    "adapters": Work(adapters.log_metrics, 5_000, 500),
    "columns": Work(calls.growing_columns, 5_000, 1_000),
    "dearer": Work(calls.dearer_calls, 5_000, 500),
    "long": Work(long.long_runs, 1_000_000, 10_000),
    "reading": Work(long.reading_back, 1_000_000, 10_000),
    "looking": Work(looking.looking_at_runs, 1_000_000, 20_000),
    "reports": Work(reports.reports, 100_000, 1_000),
    "pages": Work(seen.pages, 100_000, 1_000),
    "tracked": Work(words.tracked_functions, 5_000, 500),
    "histograms": Work(distributions.histograms, 5_000, 500),
    "import": Work(words.import_times, 0, 0),
    "enter": Work(words.entering, 0, 0),
    "throughput": Work(throughput.throughput, 5_000, 500),
}


def main() -> int:
    """Measure what was asked for, and tell it; 1 if a goal does not hold or could not be measured."""
    asked = _arguments()
    if asked.again:
        before = [json.loads(file.read_text()) for file in asked.again]
        rows = [from_json(row) for told in before for row in told["rows"]]
        runs = [run for told in before for run in told["runs"]]
    else:
        rows = _measured(asked)
        runs = [report.about({name: getattr(asked, name) for name in ("rounds", "quick", "scale", "works")})]
    print(report.table(rows))
    report.write(rows, runs, asked.into)
    return int(any(row.goal and row.verdict != "holds" for row in rows))


def _measured(asked: argparse.Namespace) -> list[Row]:
    with mlflow_server() as server:
        return [row for name in asked.works for row in _rows_of(name, asked, server)]


def _rows_of(name: str, asked: argparse.Namespace, server: str) -> Sequence[Row]:
    work = WORKS[name]
    size = work.quick if asked.quick else round(work.size * asked.scale)
    begin = time.monotonic()
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        return list(work.rows(size, asked.rounds, server))
    except CannotRun as trouble:
        return [Row(name, "the whole work", str(trouble))]
    finally:
        print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", help=f"which of {', '.join(WORKS)}; all, if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side is measured (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the sizes: 0.1 for a tenth of the calls")
    parser.add_argument("--quick", action="store_true", help="everything small and two rounds: for trying out")
    parser.add_argument("--into", type=Path, default=Path("build/benchmarks"), help="where the files go (%(default)s)")
    parser.add_argument("--again", type=Path, nargs="+", help="measure nothing: tell what these JSON files hold")
    asked = parser.parse_args()
    if unknown := [name for name in asked.works if name not in WORKS]:
        parser.error(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)}")
    asked.works = asked.works or [*WORKS]
    if asked.quick:
        asked.rounds = 2
    return asked


if __name__ == "__main__":
    sys.exit(main())
