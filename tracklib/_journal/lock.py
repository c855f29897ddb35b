"""Who owns a run's directory: at most one live process."""

from __future__ import annotations

import contextlib
import enum
import errno
import fcntl
import os
import struct
import sys
from collections.abc import Iterator

from ..errors import RunDirectoryError
from . import layout


class _Holder:
    fd = -1


# POSIX locks do not exclude a second holder in the same process. The process id is part of the key
# as a forked child gets a copy of the dict, but none of the locks.
_held: dict[tuple[int, str], _Holder] = {}

_descriptors: dict[int, int] = {}  # those that hold a lock, each with the process that took it


@contextlib.contextmanager
def held(directory: str) -> Iterator[None]:
    """Own ``directory``'s journal for the length of a block.

    The lock is ``lockf``'s, which a forked orphan does not keep. It lies in a file of its own, as
    closing any descriptor of a locked file gives the lock back.

    Raises:
        RunDirectoryError: a live process owns it.
    """
    path = os.path.join(os.path.realpath(directory), layout.LOCK)
    key, holder = (os.getpid(), path), _Holder()
    if _held.setdefault(key, holder) is not holder:  # one step, so that of two threads one gets it
        raise still_owned(directory)
    try:
        fd = try_lock(path)
        if fd < 0:
            raise still_owned(directory)
        holder.fd = fd
        try:
            yield
        finally:
            close(holder.fd)
    finally:
        del _held[key]


def renew() -> None:
    """Take the locks again that this process holds, in case it lost one.

    A POSIX lock is gone as soon as the process closes any descriptor of the file, as a copy of the run's
    directory does; and the file may be deleted.
    """
    for (process, path), holder in list(_held.items()):
        if process == os.getpid() and holder.fd >= 0:
            with contextlib.suppress(OSError):
                _renew(path, holder)


def _renew(path: str, holder: _Holder) -> None:
    fcntl.lockf(holder.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if os.fstat(holder.fd).st_nlink == 0 and (fd := try_lock(path)) >= 0:
        deleted, holder.fd = holder.fd, fd
        close(deleted)


def still_owned(directory: str) -> RunDirectoryError:
    """The error that says so, and how to mend it."""
    return RunDirectoryError(
        f"{directory} belongs to a run that is still going on: choose another output_run, or end that run first",
        in_use=True,
    )


def try_lock(path: str) -> int:
    """A descriptor that holds the lock on the file ``path`` until it is closed; -1 where another process holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return -1
        raise
    _descriptors[fd] = os.getpid()
    return fd


def close(fd: int) -> None:
    """Close ``fd``, which somebody else's clean-up (a daemonising SDK) may have closed already."""
    _descriptors.pop(fd, None)
    with contextlib.suppress(OSError):
        os.close(fd)


class Holding(enum.Enum):
    """Whether a live process owns a run's directory."""

    HELD = "held"
    FREE = "free"
    UNKNOWN = "unknown"  # the file system knows no locks, or the file is somebody else's


def holding(directory: str) -> Holding:
    """Ask who owns ``directory``, without taking the lock, even for a moment, and without writing anything.

    The lock's file of a run of this process is never opened: to close it would give the lock back.
    """
    path = os.path.join(directory, layout.LOCK)
    try:
        if _is_ours(os.stat(path)):
            return Holding.HELD
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Holding.FREE
    except OSError:
        return Holding.UNKNOWN
    try:
        answer = fcntl.fcntl(fd, fcntl.F_GETLK, _QUESTION)
    except OSError:
        return Holding.UNKNOWN
    finally:
        os.close(fd)
    return Holding.FREE if _FLOCK.unpack(answer)[_KIND] == fcntl.F_UNLCK else Holding.HELD


def _is_ours(lock: os.stat_result) -> bool:
    """Whether this process holds it, by whatever path; a fork's child has the dict, but holds nothing."""
    process = os.getpid()
    for fd, owner in list(_descriptors.items()):
        with contextlib.suppress(OSError):  # it is just being closed
            if owner == process and os.path.samestat(os.fstat(fd), lock):
                return True
    return False


# struct flock, in the order in which the system has it: would this lock, of the whole file, meet another one?
if sys.platform == "darwin":  # pragma: no cover  # the tests run on Linux
    _FLOCK, _KIND = struct.Struct("@qqihh"), 3
    _QUESTION = _FLOCK.pack(0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
else:
    _FLOCK, _KIND = struct.Struct("@hhqqi4x"), 0
    _QUESTION = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
