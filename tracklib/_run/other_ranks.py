"""What a rank other than 0 does instead of keeping what it is told: the same checks, and nothing else.

An error that only rank 0 raised would leave the others waiting for it in a collective for ever.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Callable

from .._journal.journal import Journal
from .._journal.records import Record

_THIS_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # rank 0 has its own


class NoJournal(Journal):
    """Takes each record, and has no file for it."""

    def __init__(self) -> None:
        self.lost = 0
        self._start_clock(after=0)

    def append(self, record: Record) -> None:
        """Let go of it."""

    @property
    def waiting(self) -> int:
        """No record waits."""
        return 0

    @property
    def size(self) -> int:
        """There are no bytes."""
        return 0

    def sync(self) -> None:
        """There is nothing to have the disk hold."""

    def after_fork_in_child(self, spill: str = "") -> None:
        """A forked child has no file either."""


def rehearse(name: str, put: Callable[[str], None]) -> None:
    """Have ``put`` write the file ``name``, and delete it.

    Whether a picture or a table can be rendered shows only when it is rendered. The time is not lost: rank 0 takes as
    long, and the others would wait for it.

    Raises:
        Exception: what ``put`` raises, but for a disk that takes no more.
    """
    try:
        scratch = tempfile.TemporaryDirectory(prefix="tracklib-")
    except OSError:
        return
    with scratch as folder:
        try:
            put(os.path.join(folder, "new" + os.path.splitext(name)[1]))
        except OSError as error:
            if error.errno not in _THIS_DISKS:
                raise


def need_readable(source: str) -> None:
    """Find out whether a file, or a folder with all that is in it, can be copied.

    Raises:
        OSError: it cannot.
    """
    mode = os.stat(source).st_mode
    if stat.S_ISDIR(mode):
        for name in os.listdir(source):
            need_readable(os.path.join(source, name))
    elif stat.S_ISFIFO(mode):  # to open it would wait for a writer
        raise shutil.SpecialFileError(f"`{source}` is a named pipe")
    else:
        with open(source, "rb"):
            pass
