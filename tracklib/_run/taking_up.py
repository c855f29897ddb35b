"""Whether the run that an earlier attempt left in a directory goes on there, or a new one begins."""

from __future__ import annotations

from .._journal.last_attempt import Earlier, earlier_run
from .._journal.records import Status
from ..errors import RunDirectoryError
from .launch import is_another_task
from .options import Options


def taken_up(directory: str, options: Options, job: str) -> Earlier | None:
    """The run in ``directory`` that goes on; None where a new one begins.

    Args:
        directory: the run's, owned by this process.
        options: checked.
        job: the scheduler's, empty where there is none.

    Raises:
        OSError: what is there cannot be read.
        RunDirectoryError: it is another task's of the same array, which is never meant.
    """
    found = earlier_run(directory) if options.resume or options.preemptible else None
    if found and is_another_task(job, found.begin.job):
        raise RunDirectoryError(
            f"{directory} holds the run of another task of the same array ({found.begin.job}, and this is {job}): give "
            "each task a directory of its own, with SLURM_ARRAY_TASK_ID in its name"
        )
    return found if found and (options.resume or _is_same_job(found, job)) else None


def _is_same_job(found: Earlier, job: str) -> bool:
    """Whether a job goes on with what is there: with its own run, or one that was preempted or cut off."""
    end = found.end
    if end is None or (job and job == found.begin.job):
        return True
    was_cut_off = end.status is Status.KILLED and not end.error
    return was_cut_off or end.status is Status.PREEMPTED
