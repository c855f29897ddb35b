"""Trackers that follow a script: the fakes of the fault tests.

A script gives, for a call's name, the steps of its first, second, ... call. A step is an exception
(raised), an ``Event`` (waited for: a hang), a ``Semaphore`` (one permit a call: slow, step by step), or
a function (called). None, and whatever comes behind the script's end, is "ok".
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from patience import PATIENT as PATIENT

from tracklib import BaseTracker, Log, Status, TrackerBlocked
from tracklib._journal.records import Begin, End, Record

Script = Mapping[str, Iterable[Any]]


class Scripted(BaseTracker):
    """Records each call in ``calls``, then does what the script says; what it took is in ``rows``."""

    def __init__(self, *, script: Any = None, batch_size: int = 1, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.batch_size = batch_size  # type: ignore[misc]  # of the instance, in tests only
        self.calls: list[tuple[str, Any]] = []
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.threads: set[int] = set()
        self._steps = {call: iter(steps) for call, steps in (script or {}).items()}
        self._news = threading.Condition()

    def _do(self, call: str, what: Any = None) -> None:
        with self._news:
            self.calls.append((call, what))
            self.threads.add(threading.get_ident())
            self._news.notify_all()
        step = next(self._steps.get(call, iter(())), None)
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, threading.Event):
            assert step.wait(PATIENT)
        elif isinstance(step, threading.Semaphore):
            assert step.acquire(timeout=PATIENT)
        elif step is not None:
            step()

    def init(self) -> None:
        self._do("init")

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        raise NotImplementedError

    def log_batch(self, records: Sequence[Log]) -> None:
        self._do("log", [record.step for record in records])
        with self._news:
            self.rows += [(record.step, dict(record.metrics)) for record in records]
            self._news.notify_all()

    def log_params(self, params: Mapping[str, Any]) -> None:
        self._do("log_params", dict(params))

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._do("log_tags", dict(tags))

    def log_artifact(self, name: str, path: str) -> None:
        self._do("log_artifact", (name, path))

    def finish(self, status: Status) -> None:
        self._do("finish", status)

    # For the test ---------------------------------------------------------------------------------

    @property
    def steps(self) -> list[int]:
        """The steps that it took, in order."""
        return [step for step, _ in self.rows]

    def of(self, call: str) -> list[Any]:
        """What each call of that name was given."""
        return [what for name, what in list(self.calls) if name == call]

    def until(self, reached: Callable[[], Any]) -> None:
        """Return as soon as ``reached()``, asked after each call that the tracker gets."""
        with self._news:
            assert self._news.wait_for(reached, PATIENT), self.calls


class Other(Scripted):
    """A second kind, for a second name."""


class Written(BaseTracker):
    """Appends each record it gets to the file ``path``, a line of JSON each, with its ordinal and its time.

    At the ``fails_at``-th record it finds the network down, until there is a file ``<path>.mended``. It gets at the
    file by no function of ``os``, so that a test's faults there are not its own.
    """

    batch_size = 4

    def __init__(self, *, path: str, fails_at: int = -1, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.path = path
        self.fails_at = fails_at

    def init(self) -> None:
        self.state["path"] = self.path

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        raise NotImplementedError

    def log_batch(self, records: Sequence[Log]) -> None:
        if any(record.ordinal >= self.fails_at >= 0 for record in records) and not Path(f"{self.path}.mended").exists():
            raise ConnectionError("no route to host")
        self._write([_spelled(record) for record in records])

    def log_params(self, params: Mapping[str, Any]) -> None:
        self._write([{"params": dict(params)}])

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._write([{"tags": dict(tags)}])

    def finish(self, status: Status) -> None:
        self._write([{"status": status}])

    def _write(self, lines: Sequence[Mapping[str, Any]]) -> None:
        with io.open(self.path, "a") as file:  # noqa: UP020
            file.writelines(json.dumps(line) + "\n" for line in lines)


class Closed(Written):
    """As :class:`Written`, but until there is a file ``<path>.mended`` nobody is let in."""

    def init(self) -> None:
        if not Path(f"{self.path}.mended").exists():
            raise TrackerBlocked("no key")


def _spelled(log: Log) -> dict[str, Any]:
    metrics = {name: repr(value) for name, value in log.metrics.items()}
    return {"ordinal": log.ordinal, "axis": log.axis, "step": log.step, "time": log.time, "metrics": metrics}


def hanging_for_ever(call: str) -> tuple[Scripted, threading.Event]:
    """A tracker that hangs in each ``call``, and the event that frees it at the test's end."""
    free = threading.Event()
    return Scripted(script={call: iter(lambda: free, None)}), free


def begin(attempt: int = 1) -> Begin:
    return Begin(
        time=attempt * 10_000 - 9_000, format=1, uid="u1", attempt=attempt, name="n", pid=1, host="h", configs=[]
    )


def log(step: int, **metrics: float) -> Log:
    return Log(time=2_000 + step, axis="epoch", step=step, metrics=metrics or {"loss": float(step)})


def end(status: Status = Status.FINISHED, attempt: int = 1) -> End:
    return End(time=attempt * 10_000 - 1_000, status=status)


def run_of(*records: Record) -> list[Record]:
    """A whole run that says ``records``."""
    return [begin(), *records, end()]
