"""A function's answer from a process of its own, so that no side of a comparison disturbs another.

Run as a program, this module is that process: it reads what to call from stdin and answers with JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT = 900.0

# The developer's own settings stay out. No SDK reports home, and no run looks at git and the packages in the
# background: a run of thousands of microsecond calls is over before that is, and would measure it instead.
_NOT_OURS = ("WANDB_", "MLFLOW_", "TRACKLIB_", "PYTHONDONTWRITEBYTECODE")
_QUIET = {
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DVCLIVE_LOGLEVEL": "ERROR",
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "TRACKLIB_ENVIRONMENT": "0",
}


class CannotRun(Exception):
    """One side of a comparison has no numbers: its package is not installed, or it failed. The text says which."""


def environment() -> dict[str, str]:
    """The variables for every process that the benchmarks start."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    paths = [str(ROOT), str(HERE), own.get("PYTHONPATH", "")]
    return own | _QUIET | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def fresh(function: Callable[..., Any], **arguments: Any) -> Any:
    """``function(**arguments)``, called in a new process, in a new and empty directory.

    Args:
        function: of a module of this folder.
        arguments: what JSON can hold.

    Raises:
        CannotRun: the function did not answer.
    """
    call = [function.__module__, function.__qualname__, arguments]
    with tempfile.TemporaryDirectory(prefix="tracklib-bench-", ignore_cleanup_errors=True) as scratch:
        try:
            done = subprocess.run(
                [sys.executable, str(HERE / "fresh.py")],
                input=json.dumps(call),
                cwd=scratch,
                env=environment() | {"TRACKIO_DIR": scratch, "HOME": scratch},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise CannotRun(f"no answer in {TIMEOUT:.0f} s") from None
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise CannotRun(f"failed: {done.stderr[-300:]}") from None
    if "trouble" in said:
        raise CannotRun(said["trouble"])
    return said["answer"]


def _answer() -> None:
    """Be the fresh process. What a peer prints goes to stderr; what it does at exit is not waited for."""
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    module, function, arguments = json.load(sys.stdin)
    try:
        said = {"answer": getattr(importlib.import_module(module), function)(**arguments)}
    except ModuleNotFoundError as error:
        said = {"trouble": f"not installed ({error.name})"}
    except Exception as error:
        said = {"trouble": f"failed: {type(error).__name__}: {str(error)[:200]}"}
    os.write(answer_fd, json.dumps(said).encode())
    os._exit(0)


if __name__ == "__main__":
    _answer()
