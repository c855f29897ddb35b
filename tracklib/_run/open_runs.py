"""The process's open runs: what a fork and the interpreter's exit mean to them."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback

from .._common import forks
from .._common.warn import tell
from .._journal.in_use import still_owned
from .._journal.records import Status
from ..errors import LifecycleError
from ..trackers.base import BaseTracker
from .ending import PATIENCE_AFTER_ERROR, OpenRun
from .sigterm import cause_of, leaving
from .sys_exit import uncaught_exit
from .verdict import status_of

_open: set[OpenRun] = set()  # begun and not let go
_watching = False


def watch(run: OpenRun) -> None:
    """Count ``run`` among the open ones; from the first one on, know of forks and of the exit."""
    global _watching
    if not _watching:
        _watching = True
        os.register_at_fork(
            before=forks.before_fork,
            after_in_parent=forks.after_fork_in_parent,
            after_in_child=_after_fork_in_child,
        )
        atexit.register(_finish_all)
    _open.add(run)


def let_go(run: OpenRun) -> None:
    """``run`` is open no more."""
    _open.discard(run)


def with_uid(uid: str) -> object:
    """The object of the open run ``uid`` that has the words; None where there is none in this process."""
    return next((run.words() for run in list(_open) if run.uid == uid), None)


def end_forgotten(run: OpenRun) -> None:
    """End as killed those open runs that stand in the way of ``run`` and that nobody can reach any more: when a
    notebook's cell is run again, the run that it began before is garbage, or is held by the last traceback only."""
    if _in_the_way(run):
        _end_what_is_garbage(run)
    if _in_the_way(run):
        _forget_the_last_error()
        _end_what_is_garbage(run)


def _end_what_is_garbage(run: OpenRun) -> None:
    gc.collect()
    for other in _in_the_way(run):
        if other.is_forgotten:
            other.end(Status.KILLED)
            other.leave(PATIENCE_AFTER_ERROR)


def _in_the_way(run: OpenRun) -> list[OpenRun]:
    return [other for other in list(_open) if other.directory == run.directory or _shared(run, other)]


def _shared(run: OpenRun, other: OpenRun) -> BaseTracker | None:
    """A tracker object of both."""
    theirs = {id(tracker) for tracker in other.trackers.values()}
    return next((tracker for tracker in run.trackers.values() if id(tracker) in theirs), None)


def _forget_the_last_error() -> None:
    """Let go of the variables in the frames of the error that was shown last: a generator among them is closed, and its
    run ends."""
    error = getattr(sys, "last_value", None)
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def refuse_shared_trackers(run: OpenRun) -> None:
    """A tracker object serves one run.

    Raises:
        LifecycleError: one of those of ``run`` serves another open one.
    """
    for other in list(_open):
        tracker = _shared(run, other)
        if tracker is not None:
            raise LifecycleError(
                f"the {type(tracker).__name__} object belongs to the run in {other.directory}, which is "
                "still going on: make a second one for this run"
            )


def refuse_taken(run: OpenRun) -> None:
    """A directory is one run's. On another rank than 0 nothing is locked: what is open in this process is asked.

    Raises:
        RunDirectoryError: another open run of the same rank has the directory of ``run``.
    """
    place = os.path.realpath(run.directory)
    for other in list(_open):
        if other.rank == run.rank and os.path.realpath(other.directory) == place:
            raise still_owned(run.directory, os.getpid())


def come_first_at_exit() -> None:
    """Have the open runs end before what an SDK does at the interpreter's exit: W&B's ends its runs, and its process.

    Python calls the hook first that was registered last, so this is called each time that an SDK has connected. It may
    be called by a thread while the interpreter exits already, when a new hook is not called any more: so the hook of
    :func:`watch` stays registered besides.
    """
    atexit.unregister(_finish_first)
    atexit.register(_finish_first)


def _finish_first() -> None:
    _finish_all()


def _after_fork_in_child() -> None:
    """Neither locks, imports, tells nor raises: whatever is needed was found out when the run began."""
    forks.after_fork_in_child()
    for run in _open:
        run.after_fork_in_child()


def _finish_all() -> None:
    """The interpreter exits inside a run, and nobody finished it: what ends the interpreter ends it, too."""
    with leaving():
        error = cause_of(None) or uncaught_exit() or _what_ends_the_interpreter()
        for run in list(_open):
            run.end(status_of(error) if error else run.at_exit, error)
            run.leave(PATIENCE_AFTER_ERROR)
            if run.undelivered:
                tell(run.undelivered)


def _what_ends_the_interpreter() -> BaseException | None:
    """The exception that nothing caught, and that now ends the program.

    Python keeps it in ``sys.last_value``. But a shell or a notebook keeps there the error of its last line or cell,
    too, which did not end anything. Those are told apart: a notebook's cell was called by other code (its outermost
    frame has a caller), and a shell has a prompt, ``sys.ps1``.
    """
    error = getattr(sys, "last_value", None)
    where = getattr(error, "__traceback__", None)
    if where is None or where.tb_frame.f_back is not None or hasattr(sys, "ps1"):
        return None
    return error if isinstance(error, BaseException) else None
