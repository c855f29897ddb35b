"""W&B's own process, ``wandb-core``, which does the work of all W&B runs of a Python process."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import Any

from .._common import variables

_PROC = "/proc"  # macOS has none


def core_pid() -> int:
    """The process that does W&B's work for this one; 0 where none is known, or it has died."""
    process = _process()
    return int(process.pid) if process is not None and process.poll() is None else 0


def begin_own() -> None:
    """Have W&B's process be this one's own, unless there is one already.

    One that is inherited is the parent's, by ``WANDB_SERVICE``: there, the run of a child that was killed stays in use.
    Nor does a child inherit ours.
    """
    import wandb

    if _connection() is None:
        with variables.put_aside("WANDB_SERVICE"):
            wandb.setup()


def has_died() -> bool:
    """Whether the process that this one started for W&B's work is no more."""
    process = _process()
    return process is not None and process.poll() is not None


def is_cut_off(error: BaseException) -> bool:
    """Whether the connection to W&B's process is closed. The mailbox's error has no public name."""
    return isinstance(error, ConnectionError) or type(error).__name__ == "MailboxClosedError"


def disconnect() -> None:
    """Leave the connection to a process that has died: what is left of it would keep a new one from being made."""
    import wandb

    with contextlib.suppress(Exception):
        wandb.teardown()


def hide(run: Any) -> None:
    """Keep a run out of what a ``wandb.init`` of somebody else takes over, or ends: the list of active runs."""
    from wandb.sdk import wandb_setup

    wandb_setup.singleton().remove_active_run(run)


def is_finished(run: Any) -> bool:
    """Whether somebody ended the run: then W&B refuses whatever is said to it."""
    return bool(getattr(run, "_is_finished", False))


def _process() -> Any:
    service = getattr(_connection(), "_proc", None)
    return getattr(service, "_process", None) or getattr(service, "_internal_proc", None)  # which wandb 0.19 has


def _connection() -> Any:
    from wandb.sdk import wandb_setup

    return getattr(wandb_setup.singleton(), "_connection", None)  # no public way leads there in wandb 0.31


def is_core(pid: int) -> bool:
    """Whether ``pid`` is a live process of W&B's."""
    if not pid:
        return False
    try:
        with open(f"{_PROC}/{pid}/stat") as stat:
            name, _, rest = stat.read().partition("(")[2].rpartition(")")
            return "wandb" in name and rest.split()[0] not in ("Z", "X")
    except OSError:
        if os.path.isdir(f"{_PROC}/self"):
            return False
    listed = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "wandb" in listed.stdout
