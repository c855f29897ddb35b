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

from .._common.open_file import OpenFile, opened
from .._common.warn import warn
from . import layout
from .in_use import still_owned
from .lease import Lease, is_live, take

# What a file system without locks says: not implemented, none left (no lock daemon), not supported.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


class _Holder:
    file: OpenFile | None = None
    lease: Lease | None = None


# POSIX locks do not exclude a second holder in the same process. The process id is part of the key
# as a forked child gets a copy of the dict, but none of the locks.
_held: dict[tuple[int, str], _Holder] = {}

_locked: dict[OpenFile, int] = {}  # those that hold a lock, each with the process that took it


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
        raise still_owned(directory, os.getpid())
    try:
        holder.file = file = try_lock(path)
        if file is None:
            raise still_owned(directory, _other_holder(path)[1])
        try:
            if file not in _locked:
                holder.lease = take(directory)
                if holder.lease is None:
                    raise still_owned(directory, 0)
                _say_that_it_is_leased(directory)
            yield
        finally:
            if holder.lease:
                holder.lease.release()
            close(holder.file)
    finally:
        del _held[key]


def _say_that_it_is_leased(directory: str) -> None:
    warn(
        f"the file system of {directory} knows no locks: a lease, {layout.LEASE}, stands for one. While this run "
        "renews it nobody takes the run up; another process, `tracklib sync` among them, may do so once it was not "
        "renewed for a minute"
    )


def renew(directory: str) -> None:
    """Take ``directory``'s lock again, if this process holds it, in case it lost it.

    A POSIX lock is gone as soon as the process closes any descriptor of the file, as a copy of the run's
    directory does, and a library that closes all of them; and the file may be deleted.
    """
    path = os.path.join(os.path.realpath(directory), layout.LOCK)
    holder = _held.get((os.getpid(), path))
    if holder and holder.lease:
        holder.lease.renew()
    elif holder and holder.file:
        with contextlib.suppress(OSError):
            _renew(path, holder, holder.file)


def _renew(path: str, holder: _Holder, file: OpenFile) -> None:
    with contextlib.suppress(OSError):
        fcntl.lockf(file.checked(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fd).st_nlink:
            return
    if not os.path.lexists(path) and (new := try_lock(path)):
        holder.file = new
        close(file)


def try_lock(path: str) -> OpenFile | None:
    """The file ``path``, that holds the lock on it until it is closed; None where another process holds it.

    Where the file system knows no locks, it holds none.
    """
    file = OpenFile(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    try:
        fcntl.lockf(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return file
        file.close()
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return None
        raise
    _locked[file] = os.getpid()
    return file


def hold(file: OpenFile) -> None:
    """Lock a file of this process's own, so that others see by the lock that this process lives, where the file system
    knows locks. Call it again now and then: a process loses its lock as soon as it closes any descriptor of the file,
    as a copy of the directory does. :func:`close` gives it back."""
    with contextlib.suppress(OSError):
        fcntl.lockf(file.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _locked[file] = os.getpid()


def close(file: OpenFile | None) -> None:
    """Give the lock back."""
    if file:
        _locked.pop(file, None)
        file.close()


class Holding(enum.Enum):
    """Whether a live process owns a run's directory."""

    HELD = "held"
    FREE = "free"
    UNKNOWN = "unknown"  # the file system knows no locks, or the file is somebody else's


def holding(directory: str) -> Holding:
    """Ask who owns ``directory``, without taking the lock, even for a moment, and without writing anything.

    The lock's file of a run of this process is never opened: to close it would give the lock back.
    """
    known = holding_of(os.path.join(directory, layout.LOCK))
    if known is Holding.UNKNOWN and (leased := is_live(directory)) is not None:
        return Holding.HELD if leased else Holding.FREE
    return known


def holding_of(path: str) -> Holding:
    """The same of any file that a process locks."""
    with contextlib.suppress(OSError):  # why it cannot be asked for shows when it is opened
        if _is_ours(os.stat(path)):
            return Holding.HELD
    return _other_holder(path)[0]


def _other_holder(path: str) -> tuple[Holding, int]:
    """Whether another process holds the lock's file, and which, if the system tells. This one must not hold it."""
    try:
        fd = opened(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Holding.FREE, 0
    except OSError:
        return Holding.UNKNOWN, 0
    try:
        answer = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, _QUESTION))
    except OSError:
        return Holding.UNKNOWN, 0
    finally:
        os.close(fd)
    return (Holding.FREE, 0) if answer[_KIND] == fcntl.F_UNLCK else (Holding.HELD, answer[_PID])


def _is_ours(lock: os.stat_result) -> bool:
    """Whether this process holds it, by whatever path; a fork's child has the dict, but holds nothing."""
    process = os.getpid()
    for file, owner in list(_locked.items()):
        with contextlib.suppress(OSError):  # it is just being closed
            if owner == process and file.is_ours and file.is_same(lock):
                return True
    return False


# struct flock, in the order in which the system has it: would this lock, of the whole file, meet another one?
if sys.platform == "darwin":  # pragma: no cover  # the tests run on Linux
    _FLOCK, _KIND, _PID = struct.Struct("@qqihh"), 3, 2
    _QUESTION = _FLOCK.pack(0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)
else:
    _FLOCK, _KIND, _PID = struct.Struct("@hhqqi4x"), 0, 4
    _QUESTION = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
