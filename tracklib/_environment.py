"""The one module that reads environment variables; each is read when asked for, never at import."""

from __future__ import annotations

import os
from collections.abc import Iterator

_RANKS = (
    "RANK",  # torchrun, DeepSpeed, accelerate
    "SLURM_PROCID",
    "OMPI_COMM_WORLD_RANK",
    "PMIX_RANK",
    "PMI_RANK",
    "MV2_COMM_WORLD_RANK",
)


def rank() -> int:
    """This process's rank as its launcher tells it; 0 without a launcher.

    The first variable that holds a whole number counts. ``RANK`` comes first: under
    ``srun torchrun``, ``SLURM_PROCID`` numbers the nodes.
    """
    for name in _RANKS:
        value = os.environ.get(name, "")
        if value.isdecimal():
            return int(value)
    return 0


def in_slurm_job() -> bool:
    """Whether Slurm started this process, so that a SIGTERM means preemption or the time limit."""
    return "SLURM_JOB_ID" in os.environ


def variables() -> Iterator[tuple[str, str]]:
    """Every environment variable with its value."""
    yield from os.environ.items()
