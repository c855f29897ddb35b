"""A rank's own file, ``ranks/<rank>.jsonl``: what it says of what is reduced over all ranks, and how it ended.

It alone appends to it, and a lock on it says that it lives. One that said nothing and ended well leaves none.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from msgspec.structs import replace

from .._common.files import make_folder
from .._common.warn import tell
from . import layout
from .journal import Journal
from .lock import Holding, hold, holding
from .records import Begin, Contribution, End, Epoch, Status


class RankFile(Journal):
    """The file of this process.

    Args:
        directory: the run's.
        rank: this process's.
        begin: how rank 0 began the attempt.

    Attributes:
        has_said: whether it holds more than how the rank began.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, directory: str, rank: int, begin: Begin) -> None:
        path = layout.rank_path(directory, rank)
        make_folder(os.path.dirname(path))
        self._syncing = threading.Lock()
        self._has_left = False
        super().__init__(path, tell, after=begin.time)
        self.has_said = self.size > 0  # in an earlier attempt
        self._is_rank_0s = rank == 0  # for which the run's own lock speaks
        sees = holding(directory) is Holding.HELD  # over hosts, a file system's locks may be each host's own
        own = replace(begin, time=self.now(), pid=os.getpid(), host=socket.gethostname(), configs=[], files=[])
        self.append(replace(own, name=f"rank {rank}", locks=sees and not self._is_rank_0s))
        self.sync()

    def say(self, record: Contribution | Epoch) -> None:
        """Keep it."""
        self.has_said = True
        self.append(record)

    def sync(self) -> None:
        """As of any journal. A lock on the file says that its rank lives."""
        with self._syncing:
            if not self._has_left:
                self._sync()

    def _sync(self) -> None:
        if not self._is_rank_0s:
            hold(self._file)
        super().sync()

    def leave(self, end: End) -> None:
        """Say how the rank ended."""
        with self._syncing:
            self._has_left = True  # else the file would be put back
            if self.has_said or end.status is not Status.FINISHED:
                self.append(end)
                self._sync()
                self.let_go()
                return
            with contextlib.suppress(OSError):
                os.unlink(self.path)
                os.rmdir(os.path.dirname(self.path))  # if it was the last

    def after_fork_in_child(self, spill: str = "") -> None:
        """As of any journal."""
        self._syncing = threading.Lock()
        super().after_fork_in_child(spill)
