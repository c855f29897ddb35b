"""Processes that are made to be killed, and what is left of a run when they are.

To import the SDKs costs seconds, and each kill needs a process of its own. So a :class:`Nursery`, which
has imported all and started no thread, forks each :class:`Child` at once. A child writes the number of
each record into a pipe as soon as ``log`` has returned: that record is acknowledged from then on.
"""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import importlib
import itertools
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from companions import companions_of
from patience import PATIENT
from zygote import can_be_read

AT_BARRIER, ENTERED, ALL_DELIVERED = 2**32 - 1, 2**32 - 2, 2**32 - 3
_SAID = struct.Struct("<I")

BARRIERS = {
    "the directory is owned, and nothing is begun": ("tracklib._run.beginning:_say_begin", "before"),
    "the beginning is written, and not kept a second time": ("tracklib._run.beginning:store_begin", "before"),
    "the run has begun, and no tracker has": ("tracklib._delivery.delivery:Delivery.start", "before"),
    "MLflow's run is not created": ("tracklib.trackers._mlflow_run:RunAtMlflow._create", "before"),
    "MLflow's run is created, and its id not kept": ("tracklib.trackers._mlflow_run:RunAtMlflow._create", "after"),
    "MLflow is connected": ("tracklib.trackers.mlflow:Mlflow.init", "after"),
    "W&B's run is not begun": ("tracklib.trackers.wandb:Wandb._begin_run", "before"),
    "W&B's run is begun, and its id not kept": ("tracklib.trackers.wandb:Wandb._begin_run", "after"),
    "W&B is connected": ("tracklib.trackers.wandb:Wandb.init", "after"),
    "a batch is on its way to MLflow": ("tracklib.trackers.mlflow:Mlflow.log_batch", "before"),
    "a batch is in MLflow, and nobody knows": ("tracklib.trackers.mlflow:Mlflow.log_batch", "after"),
    "W&B is in the middle of a batch": ("tracklib.trackers._wandb_run:RunAtWandb.log_row", "after"),
    "a batch is with W&B, and nobody knows": ("tracklib.trackers.wandb:Wandb.log_batch", "after"),
    "the table is replaced, and nobody knows": ("tracklib.trackers._projection:Projection.replace", "after"),
    "a batch is in the table, and nobody knows": ("tracklib.trackers.csv_logger:CsvLogger.log_batch", "after"),
    "how far a tracker is is being kept": ("tracklib._delivery.cursor:store", "before"),
    "how far a tracker is is kept": ("tracklib._delivery.cursor:store", "after"),
    "the block is left, and its end not written": ("tracklib._run.attempt:Attempt.end", "before"),
    "the end is written, and nobody waits": ("tracklib._run.attempt:Attempt.end", "after"),
    "the trackers are waited for": ("tracklib._run.attempt:draining", "before"),
    "MLflow is to be told the end": ("tracklib.trackers.mlflow:Mlflow.finish", "before"),
    "MLflow was told the end": ("tracklib.trackers.mlflow:Mlflow.finish", "after"),
    "W&B is to be told the end": ("tracklib.trackers.wandb:Wandb.finish", "before"),
    "W&B was told the end": ("tracklib.trackers.wandb:Wandb.finish", "after"),
    "the table is closed": ("tracklib.trackers.csv_logger:CsvLogger.finish", "after"),
}

# For the test's process ---------------------------------------------------------------------------


class Child:
    """One process: what it acknowledged, and how it ended."""

    def __init__(self, nursery: Nursery, pid: int, pipe: int) -> None:
        self.pid = pid
        self.numbers: list[int] = []
        self.code: int | None = None
        self._nursery = nursery
        self._pipe = pipe
        self._rest = b""

    def said(self) -> Iterator[int]:
        """What it says, as it comes, until it is dead."""
        while chunk := self._chunk():
            whole = (self._rest + chunk)[: (len(self._rest) + len(chunk)) // _SAID.size * _SAID.size]
            self._rest = (self._rest + chunk)[len(whole) :]
            for (number,) in _SAID.iter_unpack(whole):
                if number < ALL_DELIVERED:
                    self.numbers.append(number)
                yield number

    def _chunk(self) -> bytes:
        if not can_be_read(self._pipe, PATIENT):
            self.kill(signal.SIGABRT)  # which has it say where it is
            self._nursery.wait(self.pid)
            os.close(self._pipe)
            raise TimeoutError(self._nursery.log.read_text())
        return os.read(self._pipe, 65536)

    def until(self, *what: int) -> bool:
        """Whether it said one of these; if not, it is dead."""
        return any(number in what for number in self.said())

    def until_acknowledged(self, records: int) -> bool:
        """Whether it acknowledged so many; if not, it is dead."""
        return any(len(self.numbers) >= records for _ in self.said())

    def kill(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_with_all(self) -> None:
        """SIGKILL it with its companion and W&B's processes, as a container's end does."""
        others = companions_of(self.pid)
        others += [core for pid in [self.pid, *others] for core in cores_of(pid)]
        self.kill(signal.SIGKILL)
        _kill_all(others)

    def kill_companion(self) -> None:
        """SIGKILL that alone, as the system does where memory runs out."""
        _kill_all(companions_of(self.pid))

    def wait(self) -> int:
        """Its exit code; negative for a signal."""
        for _ in self.said():
            pass
        os.close(self._pipe)
        self.code = self._nursery.wait(self.pid)
        return self.code


def _kill_all(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def cores_of(pid: int) -> list[int]:
    """W&B's own processes that serve the process ``pid``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if command[0].endswith(b"/wandb-core") and b"%d" % pid in command:
                found.append(int(folder.name))
    return found


class Nursery:
    """A process that has imported all, and forks a child for each job. Serves one thread."""

    def __init__(self, log: Path) -> None:
        self.log = log
        ours, theirs = socket.socketpair()
        # Measured by coverage.py, each child would write a file of its own; a W&B process of others would be killed.
        left_out = ("COV", "SLURM_", "WANDB_SERVICE")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), str(theirs.fileno())],
                pass_fds=[theirs.fileno()], env=environment | {"OPENBLAS_NUM_THREADS": "1"}, stdout=out, stderr=out,
            )  # fmt: skip
        theirs.close()
        self._control = ours

    def fork(self, **job: Any) -> Child:
        """A child that does ``job``: see :func:`_train` and :func:`_sync`."""
        out, into = os.pipe()
        socket.send_fds(self._control, [json.dumps(job).encode()], [into])
        os.close(into)
        return Child(self, int(self._answer()), out)

    def wait(self, pid: int) -> int:
        self._control.sendall(json.dumps({"wait": pid}).encode())
        return int(self._answer())

    def _answer(self) -> bytes:
        answer = self._control.recv(64)
        assert answer, self.log.read_text()
        return answer

    def close(self) -> None:
        self._control.close()
        self._process.wait()


# For the children ---------------------------------------------------------------------------------


def _serve(control: socket.socket) -> None:
    import mlflow.tracking  # noqa: F401
    import wandb  # noqa: F401

    import tracklib._delivery.sync
    import tracklib.trackers._mlflow_client  # noqa: F401

    faulthandler.enable()
    while True:
        message, fds, _, _ = socket.recv_fds(control, 2**20, 1)
        if not message:
            return
        job = json.loads(message)
        if "wait" in job:
            answer = os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1])
        else:
            os.set_inheritable(fds[0], False)
            answer = os.fork()
            if not answer:
                control.close()
                os._exit(_live(job, fds[0]))
            os.close(fds[0])
        control.sendall(b"%d" % answer)


def _live(job: dict[str, Any], pipe: int) -> int:
    """Do the job, and end as an interpreter does; the exit code."""
    code = 0
    try:
        work: Callable[..., None] = _train if job.pop("what") == "train" else _sync
        work(pipe, **job)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException:
        print(job, file=sys.stderr)
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    return code


def _train(
    pipe: int, *, directory: str, configs: Any, resume: bool, first: int, records: int, seed: int,
    barrier: str | None = None, dies_after: int | None = None, leaves: bool = False,
) -> None:  # fmt: skip
    """Log ``records`` numbered from ``first``, then wait for the end, or leave."""
    from tracklib import tracking
    from tracklib._run import ending as _leaving

    _leaving.PATIENCE = PATIENT if leaves else 0.3  # who is to come to a barrier while leaving must come there
    _leaving.PATIENCE_AFTER_ERROR = 0.3
    if barrier:
        _put_up(barrier, pipe)
        if not BARRIERS[barrier][0].startswith("tracklib._run"):  # it is inside a delivery, which is to be here then
            configs = [config | {"in_process": True} for config in configs]
    chance = random.Random(seed)
    with tracking(configs, output_run=directory, resume=resume, params={"depth": 3}) as run:
        _say(pipe, ENTERED)
        for number in range(first, first + records):
            run.log(number // 3, {"n": number, "same": 1.0})
            _say(pipe, number)
            if number - first == dies_after:
                os._exit(9)
            if chance.random() < 0.3:
                threading.Event().wait(chance.expovariate(200))
        if barrier and not leaves:
            run.flush(2.0)
            _say(pipe, ALL_DELIVERED)
        while not leaves:  # no signal.pause(), which would sleep on where the signal came just before
            time.sleep(0.05)


def _sync(pipe: int, *, directory: str, barrier: str | None = None) -> None:
    """Deliver what is left; write what came of it into the pipe."""
    from tracklib._delivery.sync import sync
    from tracklib.errors import RunDirectoryError

    if barrier:
        _put_up(barrier, pipe)
    try:
        synced = sync(directory)
        result = {"status": synced.status, "left": {out.tracker: out.left for out in synced.outcomes if out.left}}
    except RunDirectoryError as error:
        result = {"error": str(error)}
    with open(f"{directory}.synced", "w") as file:
        json.dump(result, file)


def _say(pipe: int, number: int) -> None:
    os.write(pipe, _SAID.pack(number))


def _put_up(barrier: str, pipe: int) -> None:
    """Make the first that comes by say so, and stay there for good, unless a signal's handler raises."""
    place, when = BARRIERS[barrier]
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    function: Callable[..., Any] = getattr(owner, name)
    comers = itertools.count()

    def guarded(*args: Any, **options: Any) -> Any:
        result = function(*args, **options) if when == "after" else None
        if next(comers) == 0:
            _say(pipe, AT_BARRIER)
            threading.Event().wait()
        return result if when == "after" else function(*args, **options)

    setattr(owner, name, guarded)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
