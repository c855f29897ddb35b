"""Which run is current: the innermost block of this context."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .._common.coroutines import is_in_a_loop
from .._common.warn import OURS, warn

if TYPE_CHECKING:
    from .run import Trackers

here: contextvars.ContextVar[Trackers | None] = contextvars.ContextVar("tracklib_run", default=None)
inside: contextvars.ContextVar[dict[Any, Any] | None] = contextvars.ContextVar(  # the words' own
    "tracklib_inside", default=None
)
active: list[Trackers] = []  # the blocks that are open in this process, in order of entry
_parents: dict[str, str] = {}  # of each since there was none open: the uid of the one around it
_warned = False


def current() -> Trackers | None:
    """The active run, or None.

    It is the run of the innermost block around this code, in this task or thread. A plain thread, which starts without
    a context, gets the process's only active run; of several, the one that all others are children of. Of two
    unrelated runs it gets None, with one warning.
    """
    if not active:
        return None
    run = here.get()
    if run is None and _in_plain_thread():
        run = active[0] if len(active) == 1 else _around_all([run for run in active if run.is_init])
    return run if run is not None and run.is_init else None


def _around_all(runs: list[Trackers]) -> Trackers | None:
    for candidate in runs:
        if all(_is_inside(run, candidate) for run in runs):
            return candidate
    if runs:
        _warn_that_none_is_around_all(runs)
    return None


def _is_inside(run: Trackers, outer: Trackers) -> bool:
    uid: str | None = run.uid
    seen: set[str] = set()  # a run may be told any parent
    while uid is not None and uid != outer.uid and uid not in seen:
        seen.add(uid)
        uid = _parents.get(uid)
    return uid == outer.uid


def _warn_that_none_is_around_all(runs: list[Trackers]) -> None:
    global _warned
    if not _warned:
        _warned = True
        warn(
            f"which run is current in this thread cannot be told, and nothing is logged from here: {len(runs)} are "
            f"going on, as in {runs[0].directory} and {runs[-1].directory}, and no run is around them all. Start the "
            "thread's work by contextvars.copy_context().run inside the block that it belongs to, or open a block in it"
        )


def _in_plain_thread() -> bool:
    thread = threading.current_thread()
    if thread is threading.main_thread() or thread.name.startswith(OURS):  # a tracker's own thread
        return False
    return not is_in_a_loop()


@contextlib.contextmanager
def open_run(run: Trackers, parent: str | None) -> Iterator[None]:
    """Count ``run``, which is inside the one whose uid is ``parent``, among the process's active ones."""
    if parent is not None:
        _parents[run.uid] = parent
    active.append(run)
    try:
        yield
    finally:
        active.remove(run)
        if not active:
            _parents.clear()


@contextlib.contextmanager
def current_run(run: Trackers) -> Iterator[None]:
    """Make ``run`` the current one; afterwards, it is the outer one again.

    No token is kept: a generator may be closed in another context than it was started in.
    """
    outer = here.get()
    here.set(run)
    try:
        yield
    finally:
        if here.get() is run:
            here.set(outer)
