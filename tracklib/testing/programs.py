"""Processes in which a run meets what would harm a test's own: a kill, a fork, a call that never returns.

``python -m tracklib.testing.programs WHAT JSON``, the JSON with ``kind`` (``module:Class``), ``config``, ``directory``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from .._common.variables import that_finds
from .._journal.records import Log
from .._run import ending
from .._run.run import Trackers
from ..trackers.base import BaseTracker
from .faulty import faulty

WHOLE = 120.0
"""Seconds that such a process may take."""

FLUSHED, ALL = 200, 300
"""How many records the killed process had delivered, and how many it had logged."""


def run_program(what: str, kind: type[BaseTracker], config: dict[str, Any], directory: str) -> int:
    """Run one of the programs below; its exit code."""
    told = {"kind": f"{kind.__module__}:{kind.__qualname__}", "config": config, "directory": directory}
    return run_python("-m", __name__, what, json.dumps(told))


def run_python(*arguments: str) -> int:
    """Run Python, which finds the modules that this process finds; its exit code."""
    paths = that_finds(os.pathsep.join(filter(None, sys.path)))
    done = subprocess.run([sys.executable, *arguments], env=paths, timeout=WHOLE, capture_output=True, text=True)
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"{' '.join(arguments)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.returncode


def _run(config: Any, directory: str) -> Trackers:
    return Trackers([config], output_run=directory, environment=False, quiet=True)


def kill(kind: type[BaseTracker], config: dict[str, Any], directory: str) -> None:
    """Log, have the most of it delivered, log more, and be killed."""
    run = _run(config, directory)
    run.init()
    for step in range(FLUSHED):
        run.log(step, {"a": float(step)})
    run.flush(WHOLE / 2)
    for step in range(FLUSHED, ALL):
        run.log(step, {"a": float(step)})
    os.kill(os.getpid(), signal.SIGKILL)


def fork(kind: type[BaseTracker], config: dict[str, Any], directory: str) -> None:
    """Log, and have a forked child log, in between."""
    with _run(config, directory) as run:
        run.log(0, {"a": 0.0})
        run.wait_ready(WHOLE / 2)
        child = os.fork()
        if not child:
            run.log(1, {"a": 1.0})
            os._exit(0)
        os.waitpid(child, 0)
        run.log(2, {"a": 2.0})


def hang(kind: type[BaseTracker], config: dict[str, Any], directory: str) -> None:
    """Leave a block while a call of the tracker's does not return."""
    ending.PATIENCE = 0.2
    entered, real = threading.Event(), kind.log_batch

    def hanging(tracker: BaseTracker, records: Sequence[Log]) -> None:
        entered.set()
        threading.Event().wait()
        real(tracker, records)

    with _run(faulty(kind, config, log_batch=hanging), directory) as run:
        run.log(0, {"a": 1.0})
        if not entered.wait(WHOLE / 2):
            raise AssertionError("the tracker was never handed a record")
    os._exit(0)  # the hanging thread, and what an SDK would wait for


def no_init(kind: type[BaseTracker], config: dict[str, Any], directory: str) -> None:
    """Have a whole run in which the backend cannot be reached."""

    def refused(tracker: BaseTracker) -> None:
        raise ConnectionError("no route to host")

    ending.PATIENCE = 0.2
    with _run(faulty(kind, config, init=refused), directory) as run:
        run.log(0, {"a": 1.0})


_PROGRAMS = {"kill": kill, "fork": fork, "hang": hang, "no_init": no_init}


def _main(what: str, told: str) -> None:
    asked = json.loads(told)
    module, _, name = asked.pop("kind").partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    _PROGRAMS[what](found, **asked)


if __name__ == "__main__":
    _main(*sys.argv[1:])
