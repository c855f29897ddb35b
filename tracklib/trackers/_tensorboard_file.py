"""A run's event file, among the others in its folder, which a TensorBoard may be looking at."""

from __future__ import annotations

import glob
import itertools
import os
import socket
import time
from collections.abc import Sequence

from .._journal.records import Begin
from ._projection import Projection

_EVENTS = "events.out.tfevents."
_UNFINISHED = "events.out.new."  # no reader takes such a file for events
_LEFT_IN = 600  # seconds after which a TensorBoard that looks on has left an old file

_numbers = itertools.count()


class EventFile(Projection):
    """The event file while it is being written.

    Args:
        folder: where it is.
        begin: the run's.
        is_managed: whether an earlier attempt's files are this run's too, to be replaced; by hand they stay.
    """

    def __init__(self, folder: str, begin: Begin, is_managed: bool) -> None:
        super().__init__()
        self._folder, self._uid, self._is_managed = folder, begin.uid, is_managed

    def own(self) -> list[str]:
        """The event files of this run, the unfinished ones too. The run's uid is in their names, as others
        may write into the same folder."""
        if not self._is_managed:
            return [self.path] if self.is_open else []
        return sorted(glob.glob(f"{glob.escape(self._folder)}/events.out.*.{glob.escape(self._uid)}"))

    def renew(self, head: bytes, old: Sequence[str]) -> None:
        """Put a new file in place of the ``old`` ones: with ``head``, and the present one's events.

        The new name comes behind the old ones, so that a TensorBoard that is looking on goes over to it.
        """
        name = self._new_name(old)
        self.replace(
            os.path.join(self._folder, _EVENTS + name),
            os.path.join(self._folder, _UNFINISHED + name),
            head,
            placing=lambda: self._clear_away(old),
        )

    def _clear_away(self, old: Sequence[str]) -> None:
        """Empty the old files, and delete those that nobody looks at: TensorBoard's loader in Python, the only
        one on some machines, stays for ever at a file that is gone, and leaves one that is empty."""
        unseen = self.path if self.is_empty else ""
        for path in old:
            there = os.stat(path, follow_symlinks=False)
            left = not there.st_size and there.st_mtime < time.time() - _LEFT_IN
            if left or path == unseen or os.path.basename(path).startswith(_UNFINISHED):
                os.unlink(path)
            elif there.st_size:
                os.close(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW))

    def _new_name(self, old: Sequence[str]) -> str:
        seconds = [int(os.path.basename(path).split(".")[3]) + 1 for path in old]
        newest = max([int(time.time()), *seconds])
        return f"{newest:010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}.{self._uid}"
