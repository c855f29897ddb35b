"""A process that has imported everything, and forks a child for each attempt at a run: dying is cheap.

Orders come as JSON lines on stdin, and each is answered by one on stdout, by the child while it lives.
When a child has died, the zygote says so, and passes over what was meant for it.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import logging
import os
import select
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from patience import PATIENT


def can_be_read(fd: int, timeout: float) -> bool:
    """Whether there is something to read within so many seconds. ``select`` takes no more than 1,024 files."""
    ready = select.poll()
    ready.register(fd, select.POLLIN)
    return bool(ready.poll(max(0.0, timeout) * 1000))


class Lines:
    """JSON lines from a descriptor, read no further than asked."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._rest = b""

    def read(self, timeout: float | None = None) -> Any:
        """The next one; None at the end. Fails after ``timeout`` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._rest:
            if until is not None:
                assert can_be_read(self._fd, until - time.monotonic()), f"no answer within {timeout} s"
            if not (chunk := os.read(self._fd, 2**16)):
                return None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


class Zygote:
    """The test's end of the pipe."""

    def __init__(self, *, mlflow: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__)), *(["mlflow"] if mlflow else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdout.fileno())

    def wait_ready(self) -> None:
        assert self.hear() == {"ready": self._process.pid}

    def say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        say(order, self._process.stdin.fileno())

    def hear(self) -> dict[str, Any]:
        answer = self._lines.read(PATIENT)
        assert answer is not None, "the zygote is gone"
        assert "raised" not in answer, answer["raised"]
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        """Ends children, too: each reads the same pipe."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it died itself
            self._process.stdin.close()
        try:
            self._process.wait(PATIENT)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


def say(answer: Any, into: int = 1) -> None:
    """One more line of JSON."""
    os.write(into, json.dumps(answer).encode() + b"\n")


def _serve() -> None:
    orders = Lines(0)
    say({"ready": os.getpid()})
    while (order := orders.read()) is not None:
        if order["do"] not in _ROOTS:  # for a child that has died
            continue
        child = os.fork()
        if child == 0:
            try:
                _ROOTS[order["do"]](order, orders)
            except Exception as error:
                say({"raised": repr(error)})
            return
        _, status = os.waitpid(child, 0)
        say({"exited": os.waitstatus_to_exitcode(status)})
    os._exit(0)


def _attempt(begin: dict[str, Any], orders: Lines) -> None:
    from tracklib import tracking

    block = tracking(begin["configs"], output_run=begin["directory"], resume=begin["resume"], params=begin["params"])
    run = block.__enter__()
    say({"began": os.getpid(), "uid": run.uid})
    while (order := orders.read()) is not None:
        if order["do"] == "end":
            if order["by"] == "walking away":  # the interpreter's exit ends the run
                say({"ended": True})
                return
            error = {"return": None, "error": RuntimeError("no"), "interrupt": KeyboardInterrupt()}[order["by"]]
            block.__exit__(type(error) if error else None, error, None)
            say({"ended": True})
            os._exit(0)
        _DO[order["do"]](run, order)
        say({"done": order["do"]})
    os._exit(0)


_DO: dict[str, Any] = {
    "log": lambda run, order: [run.log(step, metrics, axis=axis) for axis, step, metrics in order["records"]],
    "params": lambda run, order: run.log_params(order["params"]),
    "tags": lambda run, order: run.log_tags(order["tags"]),
    "artifact": lambda run, order: run.log_artifact(order["path"]),
    "flush": lambda run, order: run.flush(order["timeout"]),
}


def _sync(order: dict[str, Any], orders: Lines) -> None:
    from tracklib._delivery.sync import sync

    synced = sync(order["directory"], patience=order["patience"])
    say({"synced": {outcome.tracker: outcome.left for outcome in synced.outcomes}, "status": synced.status})
    os._exit(0)


def _make_database(order: dict[str, Any], orders: Lines) -> None:
    from mlflow import MlflowClient

    MlflowClient(order["uri"]).search_experiments()
    say({"made": order["uri"]})
    os._exit(0)


_ROOTS = {"attempt": _attempt, "sync": _sync, "make a database": _make_database}


def _hurry() -> None:
    """Wait for fractions of what a person would wait for."""
    from tracklib._delivery import calls
    from tracklib._run import ending as _leaving
    from tracklib._run import open_runs as _process

    calls.delays = lambda: itertools.repeat(0.02)
    calls.BLOCKED_SECONDS = 0.05
    _leaving.PATIENCE = 0.3
    for module in (_leaving, _process):
        vars(module)["PATIENCE_AFTER_ERROR"] = 0.3


if __name__ == "__main__":
    importlib.import_module("filed")  # before the fork
    if "mlflow" in sys.argv:
        importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
        importlib.import_module("tracklib.trackers._mlflow_client")
    _hurry()
    warnings.simplefilter("ignore")
    logging.disable()
    _serve()
