"""What a guard (``on_nan``) and a best value (``best``) cost each ``t.log`` of ten floats, and what ``t.note`` takes.

``python tests/benchmarks/language.py`` prints medians in microseconds, and their ratios to a plain ``t.log``.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from tracklib import tracking

CALLS = 20_000
ROW = {f"metric{number}": number / 2 for number in range(10)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def run(name: str, **options: Any) -> Any:
            return stack.enter_context(tracking(output_run=Path(folder) / name, environment=False, **options))

        plain, guarded, best = run("plain"), run("guarded", on_nan="stop"), run("best", best={"metric9": "max"})
        sides: dict[str, Callable[[int], None]] = {
            "log": lambda step: plain.log(step, ROW),
            "log, guarded": lambda step: guarded.log(step, ROW),
            "log, best": lambda step: best.log(step, ROW),
            "note": lambda step: plain.note("lr lowered", step),
        }
        times: dict[str, list[int]] = {name: [] for name in sides}
        for step in range(CALLS):  # in turns: all meet the same machine
            for name, call in sides.items():
                begin = perf_counter_ns()
                call(step)
                times[name].append(perf_counter_ns() - begin)
    medians = {name: statistics.median(its) / 1000 for name, its in times.items()}
    for name, its in medians.items():
        print(f"{name:14} {its:6.2f} us  {its / medians['log']:5.2f}")


if __name__ == "__main__":
    main()
