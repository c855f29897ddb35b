"""Opening what gets a high number, in a process where somebody else may close descriptors: see ``open_file``.

The system gives the lowest number that is free, and only then the file gets a high one. While that lasts somebody may
close the low one, and open a file of his own by it. So what was moved is asked who it is before anything is done with
it; where it is another file it was the user's, and ours is opened once more. The low number is closed only while it is
ours still. That is asked by :func:`os.get_blocking`, a system call during which no other thread of Python's can run, as
it can in ``fstat``: so ours are opened as what does not block, which files and pipes of the user's are not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import resource
import socket
import stat
import sys
from collections.abc import Callable

from .modes import give_to_group

_MOST = 1024
TRIES = 20
_given = itertools.count()


def opened_high(path: str, flags: int, first: int = 0) -> tuple[int, os.stat_result]:
    """A descriptor of the file ``path``, and who it is; under the number ``first`` where that is free, else a high one.

    Raises:
        OSError: it cannot be opened.
    """
    for _ in range(TRIES):
        low = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        flags &= ~os.O_EXCL  # it is made
        if found := _moved(low, lambda there: _is_at(path, there), first):
            if flags & os.O_CREAT:
                give_to_group(found[0], os.path.dirname(path))
            return found
    raise closed_each_time(path)


def pair_high(
    make: Callable[[], tuple[int, int]], is_such: Callable[[int], bool]
) -> tuple[tuple[int, os.stat_result], tuple[int, os.stat_result]]:
    """Two ends that ``make`` opens, each with who it is, under high numbers.

    Args:
        make: opens them, so that they do not block.
        is_such: whether a mode is that of such an end.

    Raises:
        OSError: they cannot be opened.
    """
    for _ in range(TRIES):
        one, other = (_moved(low, lambda there: is_such(there.st_mode), 0) for low in make())
        if one and other:
            return one, other
        for end in filter(None, (one, other)):
            os.close(end[0])
    raise closed_each_time("a pipe")


def pipe_ends() -> tuple[int, int]:
    """A new pipe's, which do not block."""
    if sys.platform == "linux":
        return os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    reads, writes = os.pipe()  # pragma: no cover  # macOS
    return _not_blocking(reads), _not_blocking(writes)  # pragma: no cover


def socket_ends() -> tuple[int, int]:
    """Those of a new socket, which do not block."""
    one, other = socket.socketpair()
    return _not_blocking(one.detach()), _not_blocking(other.detach())


def _not_blocking(fd: int) -> int:
    os.set_blocking(fd, False)
    return fd


def _moved(low: int, is_ours: Callable[[os.stat_result], bool], first: int) -> tuple[int, os.stat_result] | None:
    """The same file under another number than ``low``, and who it is; None where somebody closed that meanwhile.

    Raises:
        OSError: it cannot be asked who it is; nothing is left open.
    """
    fd = low
    try:
        fd = _high(low, first)
        there = os.fstat(fd)
        if is_ours(there):
            with contextlib.suppress(OSError):
                if fd != low and identity(os.fstat(low)) == identity(there) and not os.get_blocking(low):
                    os.close(low)
            os.set_blocking(fd, True)
            return fd, there
        if fd != low:  # it is the user's file, which is open by the low number still
            os.close(fd)
        if stat.S_ISREG(there.st_mode) and not os.get_blocking(low):  # no, ours, which was renamed meanwhile
            os.close(low)
    except OSError as error:
        if error.errno != errno.EBADF:  # the disk does not tell, and nobody closed them
            _let_go(low, fd)
            raise
    return None


def _let_go(low: int, fd: int) -> None:
    """Close both, as far as they are ours."""
    with contextlib.suppress(OSError):
        if fd != low:
            os.close(fd)
    with contextlib.suppress(OSError):
        if not os.get_blocking(low):
            os.close(low)


def _is_at(path: str, there: os.stat_result) -> bool:
    """Whether that file is the one at ``path``, or was until somebody deleted it."""
    try:
        return identity(os.stat(path)) == identity(there)
    except FileNotFoundError:
        return there.st_nlink == 0


def _high(fd: int, first: int) -> int:
    """The same file under the number ``first``, else a high one, else one above 2."""
    for least in (first, *_numbers(), 3):
        try:
            if least >= 3:
                return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)
        except OSError as error:
            if error.errno == errno.EBADF:
                raise
    return fd  # there are as many open as may be


def _numbers() -> tuple[int, int]:
    """Where to look for a free one, in the upper half of those that the process may have. Each time behind the last:
    what somebody closed is written to for a second, maybe, until that is found out, and is no other file of ours by
    then."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(most, _MOST) if most > 0 else _MOST
    half = most // 2
    return half + next(_given) % max(1, most - half), half


def closed_each_time(path: str) -> OSError:
    """The error that somebody closes all of ours, time and again."""
    return OSError(errno.EBADF, "somebody closes each descriptor as soon as it is there", path)


def identity(file: os.stat_result) -> tuple[int, int]:
    """Who a file is, under any name and number."""
    return file.st_dev, file.st_ino
