"""A checkpoint as W&B's artifact."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._journal.records import Checkpoint

if TYPE_CHECKING:
    import wandb


def checkpoint_artifact(checkpoint: Checkpoint, run_id: str, path: str) -> wandb.Artifact:
    """The artifact, of a file or folder that nobody writes into: W&B makes no copy of its own."""
    import wandb

    metadata = {"epoch": checkpoint.epoch, "name": checkpoint.name, **checkpoint.metrics}
    artifact = wandb.Artifact(f"checkpoint-{run_id}", type="model", metadata=metadata)
    if os.path.isdir(path):
        artifact.add_dir(path, policy="immutable", skip_cache=True)
    else:
        artifact.add_file(path, name=checkpoint.name, policy="immutable", skip_cache=True)
    return artifact
