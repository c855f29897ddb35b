"""Trackers that obey a fault file, and outlive the processes that they run in.

The file ``<path>.fault`` holds one word: what the next calls meet. No such file is fair weather.

- ``down``, ``blocked``, ``refuse``: each call raises, before it did anything.
- ``hang``: each call waits until the word is another.
- ``lost reply``: the next call does its work, and raises.
- ``die before``, ``die within``, ``die after``: the process is killed at that point of the next call.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from patience import PATIENT

from tracklib import BaseTracker, Log, Mlflow, Status, TrackerBlocked

LASTING = ("down", "blocked", "refuse", "hang")
ONCE = ("lost reply", "die before", "die within", "die after")


def set_fault(path: str, word: str) -> None:
    with open(f"{path}.fault.new", "w") as file:
        file.write(word)
    os.replace(f"{path}.fault.new", f"{path}.fault")


def clear_fault(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.fault")


def fault(path: str) -> str:
    with contextlib.suppress(FileNotFoundError), open(f"{path}.fault") as file:
        return file.read()
    return ""


def wait_until_it_hangs(path: str) -> None:
    """Return once a call was made that hangs."""
    until = time.monotonic() + PATIENT
    while not Path(f"{path}.hangs").exists():
        assert time.monotonic() < until
        time.sleep(0.002)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextlib.contextmanager
def weather(path: str, may_refuse: bool = True) -> Iterator[bool]:
    """What the fault file says happens around the block's work; yields whether to die in the middle of it."""
    until = time.monotonic() + PATIENT
    if fault(path) == "hang":
        Path(f"{path}.hangs").touch()
    while (word := fault(path)) == "hang" and time.monotonic() < until:
        time.sleep(0.002)
    if word in ONCE:
        clear_fault(path)
    if word in ("down", "hang"):
        raise ConnectionError("it is down")
    if word == "blocked":
        raise TrackerBlocked("it wants a key")
    if word == "refuse" and may_refuse:
        raise ValueError("it refuses this")
    if word == "die before":
        _kill()
    yield word == "die within"
    if word in ("die within", "die after"):
        _kill()
    if word == "lost reply":
        raise ConnectionError("the answer was lost")


class Filed(BaseTracker):
    """Appends what it takes to the file ``path``, a JSON list a line, the kind first."""

    batch_size = 3

    def __init__(self, *, path: str, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.path = path

    def _take(self, *lines: Any) -> None:
        with weather(self.path, may_refuse=lines[0][0] not in ("init", "finish")) as dies:
            with open(self.path, "a") as file:
                file.writelines(json.dumps(line) + "\n" for line in lines[: 1 if dies else None])

    def init(self) -> None:
        assert self.begin is not None
        self._take(["init", self.begin.uid])

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        raise NotImplementedError

    def log_batch(self, records: Sequence[Log]) -> None:
        self._take(*(["log", record.ordinal, record.axis, record.step, record.metrics] for record in records))

    def log_params(self, params: Mapping[str, Any]) -> None:
        self._take(["params", dict(params)])

    def log_tags(self, tags: Mapping[str, str]) -> None:
        self._take(["tags", dict(tags)])

    def log_artifact(self, name: str, path: str) -> None:
        with open(path) as file:
            self._take(["artifact", name, file.read()])

    def finish(self, status: Status) -> None:
        self._take(["finish", status])


class Elsewhere(Filed):
    """Needs a package, as one with an SDK does, so that the companion has it; but one that is there at once."""

    contract = 1
    requires = ("sqlite3",)

    def __init__(self, *, path: str, note: str = "", in_process: bool = False, output_run: str | None = None) -> None:
        super().__init__(path=path, output_run=output_run)
        self.note = note
        self.in_process = in_process


def offered(folder: Path) -> Path:
    """A folder for ``sys.path`` in which a distribution offers :class:`Elsewhere`: the companion takes no other's."""
    info = folder / "site/filed-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: filed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tracklib.trackers]\nElsewhere = filed:Elsewhere\n")
    return folder / "site"


class FaultyMlflow(Mlflow):
    """A real MLflow database behind the weather of ``path``."""

    def __init__(self, *, path: str, tracking_uri: str, experiment_name: str, output_run: str | None = None) -> None:
        super().__init__(tracking_uri=tracking_uri, experiment_name=experiment_name, output_run=output_run)
        self.path = path

    def init(self) -> None:
        with weather(self.path, may_refuse=False):
            super().init()

    def log_batch(self, records: Sequence[Log]) -> None:
        with weather(self.path):
            super().log_batch(records)

    def log_artifact(self, name: str, path: str) -> None:
        with weather(self.path):
            super().log_artifact(name, path)

    def finish(self, status: Status) -> None:
        with weather(self.path, may_refuse=False):
            super().finish(status)
