"""What the words cost: ``@tracked``, ``import tracklib``, and entering a block."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

from calls import metrics_of, nobody
from fresh import fresh
from goals import Row, at_most
from measure import Numbers, each_call, percentiles, ratio, rounds_of, spread

# @tracked ----------------------------------------------------------------------------------------


def _functions() -> dict[str, Callable[[int], Any]]:
    """One function plain, in a bare wrapt wrapper, and tracked."""
    import wrapt

    from tracklib import tracked

    row = metrics_of(1)

    def plain(epoch: int) -> dict[str, float]:
        return row

    @wrapt.decorator
    def bare(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    return {"plain": plain, "wrapt": bare(plain), "tracked": tracked(plain)}


def in_turns(sides: dict[str, Callable[[int], Any]], calls: int) -> Numbers:
    """The median time of each side's call, where a call of each follows the other's: all meet the same machine."""
    times: dict[str, list[int]] = {name: [] for name in sides}
    for step in range(calls):
        for name, call in sides.items():
            begin = perf_counter_ns()
            call(step)
            times[name].append(perf_counter_ns() - begin)
    return {name: percentiles(its)["p50"] for name, its in times.items()}


def tracked_calls(calls: int) -> Numbers:
    """The medians with no run, and in a run, there beside ``t.log`` of the same metrics."""
    from tracklib import tracking

    functions = _functions()
    clock = each_call(lambda step: None, calls)["p50"]
    idle = in_turns(functions, calls)
    row = metrics_of(1)
    with tracking(output_run="run") as t:
        busy = in_turns(functions | {"log": lambda step: t.log(calls + step, row)}, calls)
    return {"clock": clock} | {f"idle {name}": its for name, its in idle.items()} | busy


def tracked_functions(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """The tracked function against a bare wrapper, the clock's own time taken off."""
    found = rounds_of({"words": functools.partial(fresh, tracked_calls, calls=calls)}, rounds)["words"]
    if isinstance(found, str):
        yield Row("@tracked", "all", found)
        return
    idle = spread((each["idle tracked"] - each["clock"]) / (each["idle wrapt"] - each["clock"]) for each in found)
    yield Row("@tracked", "a call with no run / of a bare wrapt wrapper", idle, at_most(1.3))
    added = spread((each["tracked"] - each["log"]) / (each["wrapt"] - each["clock"]) for each in found)
    yield Row("@tracked", "a call in a run less the t.log / of a bare wrapt wrapper", added, at_most(1.5))


# import ------------------------------------------------------------------------------------------


def import_time(statement: str) -> Numbers:
    """The processor's time of an import in a new interpreter, and of the whole interpreter with it.

    Nothing else is read than files that are in memory already, and the clock of the wall would measure our neighbours.
    """
    clock = "time.process_time_ns()"
    program = f"import time; begin = {clock}; {statement}; end = {clock}; print(end - begin, end)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    return dict(zip(("import", "process"), map(int, said.split()), strict=True))


def imports(rounds: int) -> Any:
    """Each import in turns, many times: each takes a fraction of a second."""
    return rounds_of({name: functools.partial(import_time, its) for name, its in _IMPORTED.items()}, rounds)


_WORDS = "from tracklib import Trackers, tracked, tracking"
_IMPORTED = {
    "words": _WORDS,
    "decorated": f"{_WORDS}; tracked(lambda epoch: None)",
    "reading": "from tracklib import load, runs",
    "floor": "import wrapt, msgspec",
}


def import_times(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """The public words against the two packages that they stand on. Each is imported when it is first asked for, and
    wrapt with the first function that is decorated."""
    found = fresh(imports, rounds=4 * rounds)
    under, floor = "import wrapt, msgspec", found["floor"]
    for side, what in (("words", "the words"), ("decorated", "the words, one function decorated"), ("reading", "load")):
        goal = None if side == "decorated" else at_most(1.15)
        yield Row("import", f"import of {what} / {under}", ratio(found[side], floor, "import"), goal)
        whole = f"import of {what} / {under}, the interpreter's start included"
        yield Row("import", whole, ratio(found[side], floor, "process"))


# Entering a block ---------------------------------------------------------------------------------


def enter_time(server: str) -> Numbers:
    """The time of entering a block with MLflow and W&B attached."""
    from tracklib import tracking

    mlflow = {"type": "Mlflow", "experiment_name": "bench", "tracking_uri": server}
    block = tracking([mlflow, {"type": "Wandb", "project": "bench", "mode": "offline"}], output_run="run")
    begin = perf_counter_ns()
    block.__enter__()
    return {"total": perf_counter_ns() - begin}


def wandb_init_time() -> Numbers:
    """The time of ``wandb.init`` alone, its import not counted."""
    import wandb

    begin = perf_counter_ns()
    wandb.init(project="bench", mode="offline")
    return {"total": perf_counter_ns() - begin}


def entering(calls: int, rounds: int, server: str) -> Iterator[Row]:
    """Entering with the server up and down, against ``wandb.init``."""
    sides: dict[str, Callable[[], Numbers]] = {
        "init": functools.partial(fresh, wandb_init_time),
        "up": functools.partial(fresh, enter_time, server=server),
        "down": functools.partial(fresh, enter_time, server=nobody()),
    }
    found = rounds_of(sides, rounds)
    for name in ("up", "down"):
        what = f"a block with MLflow and W&B, server {name} / wandb.init alone"
        yield Row("entering", what, ratio(found[name], found["init"], "total"), at_most(0.05))
