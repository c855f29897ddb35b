"""A run's lock, handed over: by a companion that goes on with a dead owner's run, to who wants the directory now.

The lock file's length says it: nothing while a run is going on; one byte, once its owner died and a companion
delivers the rest; two, when somebody asks the companion to let go. It is set by path, since whoever closes a
descriptor of the file loses the lock.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from .._common import clock
from .._common.open_file import OpenFile
from .._common.warn import tell
from ..errors import RunDirectoryError
from .layout import DELIVERING, LOCK, state_path
from .lock import close, held, try_lock

_INHERITED, _WANTED = 1, 2
_PATIENCE = 60.0
_NOTICE_SECONDS = 0.5


@contextlib.contextmanager
def held_or_handed_over(directory: str, patience: float = 0.0) -> Iterator[None]:
    """As :func:`~tracklib._journal.lock.held`; from a companion that goes on with a dead owner's run, the lock is
    asked for, and waited for.

    Raises:
        RunDirectoryError: a live process owns the directory, or the companion did not answer in time.
    """
    with contextlib.ExitStack() as stack:
        _take(directory, stack, max(patience, _NOTICE_SECONDS))
        if _marked(directory):
            _mark(directory, 0)
        yield


def _take(directory: str, stack: contextlib.ExitStack, patience: float) -> None:
    begun = clock.steady()
    is_told = False
    while True:
        try:
            stack.enter_context(held(directory))
            return
        except RunDirectoryError as error:
            waited = clock.steady() - begun
            mark = _marked(directory)
            if not error.in_use or waited > (_PATIENCE if mark else patience):
                raise
            if waited > _NOTICE_SECONDS and not mark and not is_told:
                is_told = True
                tell(f"waiting for up to {patience:.0f} s until the run in {directory} is left: {error}")
            if mark == _INHERITED:
                _mark(directory, _WANTED)
        time.sleep(0.02)


def inherit(directory: str) -> None:
    """Say that the lock, which is held here, is not its owner's."""
    _mark(directory, _INHERITED)


def is_wanted(directory: str) -> bool:
    """Whether somebody asks for the lock that is held here."""
    return _marked(directory) == _WANTED


def _mark(directory: str, length: int) -> None:
    with contextlib.suppress(OSError):
        os.truncate(os.path.join(directory, LOCK), length)


def _marked(directory: str) -> int:
    try:
        return os.path.getsize(os.path.join(directory, LOCK))
    except OSError:
        return 0


def wait_for_deliverer(directory: str) -> None:
    """Return when no companion delivers the run any more: an earlier attempt's may still be in a call.

    Only who owns the directory may ask: so none begins afterwards.

    Raises:
        RunDirectoryError: one still does, after a minute.
    """
    until = clock.steady() + _PATIENCE
    while os.path.lexists(state_path(directory, DELIVERING)):
        if file := deliverer(directory):
            close(file)
            return
        if clock.steady() > until:
            raise RunDirectoryError(
                f"{directory}: a companion process of an earlier attempt is still in a call to a tracker: try again "
                "when it is gone",
                in_use=True,
            )
        time.sleep(0.02)


def deliverer(directory: str) -> OpenFile | None:
    """A file, as long as which is open no other process delivers the run; None where one does.

    Raises:
        OSError: the run's directory is gone.
    """
    return try_lock(state_path(directory, DELIVERING))
