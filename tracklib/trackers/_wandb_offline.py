"""The files that offline attempts of a run left, and whether they are whole."""

from __future__ import annotations

import glob
import os
import shlex
import time
from collections.abc import Iterator, Sequence

from .._common import clock
from .._journal import layout
from ..errors import TrackerLost
from ._wandb_core import core_pid, is_core
from ._wandb_settings import FINISH_SECONDS


def files_of(output_run: str, uid: str) -> list[str]:
    """The files that offline attempts of the run left, in its directory."""
    folder = os.path.join(glob.escape(os.path.abspath(output_run)), layout.WANDB, "offline-run-*")
    return glob.glob(os.path.join(folder, f"run-{uid if uid == '*' else glob.escape(uid)}.wandb"))


def upload_command(output_run: str) -> str:
    """What uploads the offline files in a run's directory that ``wandb sync`` has not marked as uploaded; or empty."""
    folders = [os.path.dirname(file) for file in files_of(output_run, "*") if not os.path.exists(f"{file}.synced")]
    return shlex.join(["wandb", "sync", *sorted(folders)]) if folders else ""


def need_another_second(files: Sequence[str]) -> None:
    """Wait until a new folder gets a name of its own: W&B names it by the second."""
    while any(time.strftime("-%Y%m%d_%H%M%S-") in os.path.dirname(file) for file in files):
        time.sleep(0.05)


def rows_in(files: Sequence[str]) -> Iterator[int]:
    """Behind which row each file ends."""
    from ._wandb_file import held_by

    for file in files:
        yield held_by(file).next_step


def need_whole(file: str) -> None:
    """Wait for the file's end: W&B's process writes it a moment after it said that all is done.

    Raises:
        TrackerLost: it does not come.
    """
    from ._wandb_file import held_by

    until = clock.steady() + FINISH_SECONDS
    while os.path.exists(file) and not held_by(file).has_exit:
        if clock.steady() > until or not is_core(core_pid()):
            raise TrackerLost(f"W&B did not write all of {file}: the rest is written anew")
        time.sleep(0.01)
