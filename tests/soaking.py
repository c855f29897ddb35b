"""What the soak's processes run: a long block over a slow and a dead tracker, the sync after it, a resume.

Each prints what it measured as one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from filed import Filed

from tracklib import Log, tracking

BATCH = 500
LOGS_PER_PERMIT = 10 * BATCH  # so the slow tracker gets a tenth
gate: threading.Semaphore | None = None


class Slow(Filed):
    """Takes a batch for each permit, while there is a gate."""

    batch_size = BATCH

    def log_batch(self, records: Sequence[Log]) -> None:
        if gate is not None:
            gate.acquire()
        super().log_batch(records)


class Dead(Filed):
    """Raises as long as its fault file says so."""

    batch_size = BATCH


def megabytes(what: str = "VmRSS") -> float:
    """The memory that the process holds (``VmHWM``: the most that it ever held)."""
    with open("/proc/self/status") as file:
        return int(next(line for line in file if line.startswith(what)).split()[1]) / 1024


def soak(directory: str, notes: str, logs: int) -> dict[str, Any]:
    """Log ``logs`` times; memory is sampled a hundred times."""
    global gate
    from tracklib._run import ending as _leaving

    _leaving.PATIENCE = 1.0
    gate = threading.Semaphore(1)
    trackers = [Slow(path=f"{notes}/slow"), Dead(path=f"{notes}/dead")]
    samples = []
    with tracking(trackers, output_run=directory) as run:
        begun = time.perf_counter()
        for epoch in range(logs):
            run.log(epoch, {"loss": epoch / 7, "accuracy": 0.5})
            if epoch % LOGS_PER_PERMIT == 0:
                gate.release()
            if epoch % (logs // 100) == 0:
                samples.append(megabytes())
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "megabytes": samples}


def sync(directory: str) -> dict[str, Any]:
    """Deliver what is left."""
    from tracklib._delivery.sync import sync

    before = megabytes()
    begun = time.perf_counter()
    synced = sync(directory, patience=60.0)
    return {
        "seconds": time.perf_counter() - begun,
        "megabytes": megabytes("VmHWM") - before,
        "status": synced.status,
        "left": {outcome.tracker: outcome.left for outcome in synced.outcomes},
    }


def be_killed(directory: str, logs: int) -> dict[str, Any]:
    """A run that says nothing of its end. Its table is near it: a busy machine may leave that far behind."""
    from tracklib._delivery import cursor

    cursor.SAVE_SECONDS = 0.0
    run = tracking(output_run=directory).__enter__()
    for epoch in range(logs):
        run.log(epoch, {"loss": epoch / 7, "accuracy": 0.5})
        if epoch % 10_000 == 9_999:
            run.flush(60.0)
    return {}


def resume(directory: str) -> dict[str, Any]:
    """Go on with the run, and what entering read of the journal in its thread."""
    read = 0
    pread = os.pread
    entering = threading.get_ident()

    def counted(fd: int, size: int, offset: int) -> bytes:
        nonlocal read
        chunk = pread(fd, size, offset)
        read += len(chunk) if threading.get_ident() == entering else 0
        return chunk

    os.pread = counted
    begun = time.perf_counter()
    run = tracking(output_run=directory, resume=True).__enter__()
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "read": read, "first_step": run._first_step()}


_DO: dict[str, Callable[..., dict[str, Any]]] = {"soak": soak, "sync": sync, "be killed": be_killed, "resume": resume}


def main(what: str, *arguments: str) -> None:
    warnings.simplefilter("ignore")
    print(json.dumps(_DO[what](*(int(word) if word.isdecimal() else word for word in arguments))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    import soaking  # so that the trackers are of an importable module

    soaking.main(*sys.argv[1:])
