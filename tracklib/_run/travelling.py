"""A run's object in a pickle: where it is opened, it is the same run."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from . import open_runs
from .elsewhere import Handle, handle_of

if TYPE_CHECKING:
    from .run import Trackers

Run = TypeVar("Run", bound="Trackers")

_pickled: weakref.WeakValueDictionary[str, Trackers] = weakref.WeakValueDictionary()
_elsewhere: dict[str, Trackers] = {}  # of other processes: one object for all that a worker is sent, so one file
_MOST_ELSEWHERE = 32  # a worker may be sent those of runs without number


def pickled(run: Trackers) -> tuple[Any, ...]:
    """What ``run.__reduce_ex__`` gives: a few strings, and how to find the run with them."""
    _pickled[run.uid] = run
    return _unpickled, (type(run), handle_of(run._attempt, run._epoch_here))


def _unpickled(kind: type[Run], handle: Handle) -> Run:
    """The run itself; in another process, or where it is gone, one whose words go into a file of their own."""
    known = _pickled.get(handle.uid) or open_runs.with_uid(handle.uid)
    if isinstance(known, kind):
        return known
    known = _elsewhere.pop(handle.uid, None)
    run = known if isinstance(known, kind) else kind._from_handle(handle)
    run.epoch = handle.epoch
    _elsewhere[handle.uid] = run
    while len(_elsewhere) > _MOST_ELSEWHERE:
        del _elsewhere[next(iter(_elsewhere))]
    return run
