"""A lease: what stands for a lock where the file system knows none.

It is a file that tells whose the directory is, and that its owner touches now and then. Who finds it untouched for a
minute may take it. That is weaker than a lock: an owner that is stopped for longer has company for a moment, and then
finds that the lease is another's. Times are compared as the file system gives them, so hosts' clocks need not agree.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

import msgspec

from .._common import clock
from .._common.open_file import put_in_place
from .._common.warn import tell
from . import layout
from .format import FORMAT
from .state import read_line, write_line

RENEW_SECONDS = 10.0
STALE_SECONDS = 60.0
_SETTLE_SECONDS = 0.2


class _Owner(msgspec.Struct, frozen=True):
    host: str
    pid: int
    token: str
    format: int = FORMAT


class Lease:
    """One that is held, on ``directory``, until :meth:`release`."""

    def __init__(self, directory: str, owner: _Owner) -> None:
        self._path = layout.lease_path(directory)
        self._owner = owner
        self._renewed_at = clock.steady()
        self._is_lost = False

    def renew(self) -> None:
        """Touch it, if it is time."""
        if self._is_lost or clock.steady() - self._renewed_at < RENEW_SECONDS:
            return
        self._renewed_at = clock.steady()
        with contextlib.suppress(OSError):
            if read_line(self._path, _Owner) in (self._owner, None):
                write_line(self._path, self._owner)
                os.utime(self._path)
            else:
                self._is_lost = True
                tell(
                    f"{self._path} is another process's by now, as this one did not renew it for "
                    f"{STALE_SECONDS:.0f} s: two processes write into one run; end one of them"
                )

    def release(self) -> None:
        """Give it back."""
        with contextlib.suppress(OSError):
            if read_line(self._path, _Owner) == self._owner:
                os.unlink(self._path)


def take(directory: str) -> Lease | None:
    """The lease on ``directory``; None where a live process has it.

    Raises:
        OSError: it cannot be made.
    """
    if is_live(directory, _now(directory)):
        return None
    path, owner = layout.lease_path(directory), _Owner(socket.gethostname(), os.getpid(), os.urandom(8).hex())
    write_line(path, owner)
    time.sleep(_SETTLE_SECONDS)  # of two that take it at once, the last one to write has it
    return Lease(directory, owner) if read_line(path, _Owner) == owner else None


def is_live(directory: str, now: float | None = None) -> bool | None:
    """Whether a live process has the lease on ``directory``; None where there is none. ``now`` is the file system's
    time; None takes this host's, and writes nothing."""
    path = layout.lease_path(directory)
    try:
        touched = os.stat(path).st_mtime  # before it is read: it may be given back meanwhile
    except OSError:
        return None
    owner = read_line(path, _Owner)
    if owner is None:
        return None
    if owner.host == socket.gethostname() and not _lives(owner.pid):
        return False
    return (clock.wall() / 1000 if now is None else now) - touched < STALE_SECONDS


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def _now(directory: str) -> float:
    """The file system's time; the clock's, where nothing can be written."""
    probe = f"{layout.lease_path(directory)}.{os.getpid()}"
    try:
        put_in_place(f"{probe}.tmp", probe, b"")
        return os.stat(probe).st_mtime
    except OSError:
        return clock.wall() / 1000
    finally:
        with contextlib.suppress(OSError):
            os.unlink(probe)
