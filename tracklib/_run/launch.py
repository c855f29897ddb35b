"""Which processes were started together: a key that all ranks of one launch have, and those of another have not."""

from __future__ import annotations

import os
import socket

from .._common import variables
from .rank import Rank

# The first of these whose first variable is set; all ranks of a launch have the same ones.
LAUNCHES = (
    ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT"),
    ("PMIX_NAMESPACE",),  # Open MPI 5, srun --mpi=pmix
    ("OMPI_MCA_ess_base_jobid",),  # Open MPI 4
    ("PALS_APID",),
    ("FLUX_JOB_ID",),
    ("SUBMITIT_LOCAL_JOB_ID",),
    ("HOROVOD_GLOO_RENDEZVOUS_ADDR", "HOROVOD_GLOO_RENDEZVOUS_PORT"),
    ("SLURM_STEP_ID", "SLURM_JOB_ID", "SLURM_RESTART_COUNT"),
    ("MASTER_ADDR", "MASTER_PORT"),  # Lightning, DeepSpeed, torch.multiprocessing.spawn
)


def job_key() -> str:
    """The job's that a scheduler runs, the same each time that it is queued again; empty where there is none."""
    if (array := variables.text("SLURM_ARRAY_JOB_ID")) and (task := variables.text("SLURM_ARRAY_TASK_ID")):
        return f"slurm {array}_{task}"
    if job := variables.text("SLURM_JOB_ID"):
        return f"slurm {job}"
    run = variables.text("TORCHELASTIC_RUN_ID")
    return f"torchelastic {run}" if run and run != "none" else ""


def is_another_task(job: str, other: str) -> bool:
    """Whether both are tasks of one array."""
    array, is_task, _ = job.partition("_")
    return bool(is_task) and job != other and other.startswith(f"{array}_")


def launch_key(told: Rank | None) -> str:
    """The launch's; empty where nobody numbers this process, or where it is the only one.

    Args:
        told: who says which rank this is; None where the program does.
    """
    if told is not None and (not told.by or told.size == 1):
        return ""
    for names in LAUNCHES:
        if variables.text(names[0]):
            return " ".join(f"{name}={variables.text(name) or ''}" for name in names)
    return f"started by process {os.getppid()} on {socket.gethostname()}" if told else ""
