"""The last record of an attempt: how it ended, by all that is known by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.secrets import error_text
from .._journal.rank_ends import as_ranks_ended
from .._journal.records import End, Status, Tags
from .preemption import has_come
from .verdict import is_behind, status_of, tag_of

if TYPE_CHECKING:
    from .attempt import Attempt


def truth(attempt: Attempt, status: Status, error: BaseException | None) -> tuple[Status, BaseException | None]:
    """How the attempt really ended, and by which exception. More may be known than ``status`` and ``error`` say: that
    the scheduler preempted the job, or that a framework has made ``error`` of another exception (``t.ending``)."""
    if has_come() and attempt.is_counted is not True and _may_be_preempted(status, error):
        status = Status.PREEMPTED
    told = attempt.told
    if told and status in (Status.FINISHED, Status.FAILED) and _stands_for(error, told):
        return status_of(told), told
    return status, error


def write_end(attempt: Attempt, status: Status, error: BaseException | None) -> End:
    """Append the end of the attempt, as :func:`truth` has it, and give it back: rank 0's tells of the other ranks."""
    journal, kind = attempt.journal, type(error).__name__ if error else ""
    if tag := tag_of(error):
        journal.append(Tags(time=journal.now(), tags={tag: ""}))
    end = End(time=journal.now(), status=status, error=kind, message=error_text(error) if error else "")
    end = _beside_the_other_ranks(attempt, end)
    journal.append(end)
    return end


def _beside_the_other_ranks(attempt: Attempt, end: End) -> End:
    if attempt.sharing:
        attempt.sharing.leave(end)
    return as_ranks_ended(attempt.directory, attempt.begun, end, is_now=True) if attempt.begun else end


def _stands_for(error: BaseException | None, told: BaseException) -> bool:
    """Whether ``error``, which leaves the block, came of ``told``: some frameworks exit when they are interrupted."""
    return isinstance(error, SystemExit) or is_behind(error, told)


def _may_be_preempted(status: Status, error: BaseException | None) -> bool:
    """Whether such an end may be the answer to the scheduler's signal."""
    return status in (Status.FINISHED, Status.KILLED) or isinstance(error, SystemExit)
