"""What a W&B run has beside its rows: files, and checkpoints as artifacts."""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

from .._common.files import link_whole, placed
from .._journal import layout
from .._journal.records import Checkpoint
from ._wandb_limits import SHOWN, path_in_run

if TYPE_CHECKING:
    import wandb


def keep_files(run: wandb.Run, name: str, path: str) -> None:
    """Put a file or a folder into the run's files, and upload it."""
    copy = os.path.join(run.dir, path_in_run(name))
    with placed(copy) as new:
        link_whole(path, new)
    inside = [os.path.join(folder, file) for folder, _, files in os.walk(copy) for file in files]
    for file in inside if os.path.isdir(copy) else [copy]:
        _upload(run, file)


def keep_text(run: wandb.Run, name: str, text: str) -> str:
    """Keep a text in the run's files, as ``name``; what stands for it elsewhere."""
    path = os.path.join(run.dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    _upload(run, path)
    return f"{text[:SHOWN]}... ({len(text)} characters, whole in {name})"


def _upload(run: wandb.Run, path: str) -> None:
    run.save(glob.escape(path), base_path=run.dir, policy="now")


def checkpoint_artifact(checkpoint: Checkpoint, run_id: str, path: str) -> wandb.Artifact:
    """A checkpoint as an artifact, of a file or folder that nobody writes into: W&B makes no copy of its own."""
    import wandb

    metadata = {"epoch": checkpoint.epoch, "name": checkpoint.name, **checkpoint.metrics}
    artifact = wandb.Artifact(f"checkpoint-{run_id}", type="model", metadata=metadata)
    if os.path.isdir(path):
        artifact.add_dir(path, policy="immutable", skip_cache=True)
    else:
        artifact.add_file(path, name=checkpoint.name, policy="immutable", skip_cache=True)
    return artifact


def kept_for_sync(output_run: str, checkpoint: Checkpoint, path: str) -> str:
    """A checkpoint's file under a name that the run does not take away: ``wandb sync`` may come long after."""
    kept = os.path.join(output_run, layout.WANDB, layout.CHECKPOINTS, f"{checkpoint.time}-{checkpoint.name}")
    with placed(kept) as new:
        link_whole(path, new)
    return kept
