"""W&B's own process, ``wandb-core``, which does the work of all W&B runs of a Python process."""

from __future__ import annotations

import os
import subprocess

_PROC = "/proc"  # macOS has none


def core_pid() -> int:
    """The process that does W&B's work for this one; 0 where none is known."""
    from wandb.sdk import wandb_setup

    service = getattr(wandb_setup.singleton(), "_connection", None)  # no public way leads there in wandb 0.31
    process = getattr(getattr(service, "_proc", None), "_process", None)
    return int(getattr(process, "pid", 0)) if process is not None and process.poll() is None else 0


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
