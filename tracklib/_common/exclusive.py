"""One process at a time, by a lock file that is not left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from .open_file import open_made


@contextlib.contextmanager
def alone(path: str) -> Iterator[None]:
    """Be the only one, among threads and processes, in a block for the lock file ``path``, which is deleted behind it.

    Where the folder can't be written, or its file system knows no locks, nobody is kept out.
    """
    fd = -1
    with contextlib.suppress(OSError):
        fd = _locked(path)
    try:
        yield
    finally:
        if fd >= 0:
            with contextlib.suppress(OSError):  # before the lock is given back, so that it is ours that goes
                os.unlink(path)
            os.close(fd)


def _locked(path: str) -> int:
    """The descriptor of the lock file, once it is ours and still the one that lies there."""
    while True:
        fd = open_made(path, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(fd)):
                    return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # who held it before deleted it
