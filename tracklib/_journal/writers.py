"""A run has one owner and any number of writers: other processes that say something in it.

Each writer has a file of its own, ``writers/<name>.jsonl``, a journal that it alone appends to: so it does not matter
whether the file system appends in one step, and a line that is cut off is its writer's own. The owner alone, or who
takes the run up after it, copies what is there into the journal. A copied record says whose it is and its ordinal in
that file, so the journal itself tells how far each writer was copied, after any crash: nothing else is kept about it.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable

from msgspec.structs import replace

from .._common import clock
from .._common.files import make_folder
from .._common.warn import tell
from ..errors import RunDirectoryError
from . import layout
from .copied import Mark, copied_in, keep_copied
from .journal import Journal
from .lock import Holding, hold, holding_of
from .moments import Moments
from .reader import Entry, Reader
from .records import Artifact, Begin, Checkpoint, Histogram, Log, Note, Params, Tags

COPY_SECONDS = 1.0
_KEEP_BYTES = 4 * 2**20  # of the journal, after which it is kept how far each was copied
_PIECES = 4  # of 256 KiB, which are copied in one go while the training goes on

Told = Log | Params | Tags | Note | Artifact | Histogram | Checkpoint
"""What a writer may say in a run. The rest is its owner's alone: how it began and ended, which epochs are finished."""


class Writer(Journal):
    """The file of this process.

    Args:
        directory: the run's.
        begin: how its last attempt began.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, directory: str, begin: Begin) -> None:
        host = socket.gethostname()
        self.name = f"{re.sub('[^A-Za-z0-9.-]', '-', host)[:60]}-{os.getpid()}-{os.urandom(3).hex()}"
        path = layout.writer_path(directory, self.name)
        make_folder(os.path.dirname(path))
        super().__init__(path, tell, after=begin.time)
        self.append(replace(begin, time=self.now(), name=self.name, pid=os.getpid(), host=host, configs=[], files=[]))
        self.sync()

    def sync(self) -> None:
        """As of any journal. A lock on the file says that its writer lives."""
        hold(self._file)
        super().sync()


class Copying:
    """Copies what writers say into the journal, each record once. For who owns the run.

    Args:
        directory: the run's.
        journal: the run's.
        uid: the run's; a file of another run is left alone.
        is_new: whether nobody has copied anything before: then the journal need not be asked.
        heard: told each record that was copied.
    """

    def __init__(
        self,
        directory: str,
        journal: Journal,
        uid: str,
        is_new: bool = False,
        heard: Callable[[Told], None] = lambda record: None,
    ) -> None:
        self._directory = directory
        self._journal = journal
        self._uid = uid
        self._before: dict[str, Mark] | None = {} if is_new else None
        self._kept_at = 0  # how many bytes the journal had
        self._heard = heard
        self._sources: dict[str, _Source] = {}
        self._moments = Moments()
        self._copying = threading.Lock()
        self._copied_at = clock.steady()
        self._is_over = False

    def tick(self) -> None:
        """About once a second's work, for a thread that is not the caller's: copy some of what there is."""
        if clock.steady() - self._copied_at >= COPY_SECONDS and self._copying.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):  # no further file can be opened, say
                    if not self._is_over and not self._copy(_PIECES):
                        self._copied_at = clock.steady()
                    if self._journal.size - self._kept_at >= _KEEP_BYTES:
                        self._keep()
            finally:
                self._copying.release()

    def copy_all(self) -> None:
        """Copy all that there is now, whatever comes meanwhile. Never raises for the disk's trouble: what is left is
        there for the next one."""
        until = {name: _size_of(path) for name, path in layout.writers_of(self._directory).items()}
        with self._copying, contextlib.suppress(OSError):
            while self._copy(_PIECES) and any(
                self._sources[name].offset < size for name, size in until.items() if name in self._sources
            ):
                pass
            self._keep()

    def end(self) -> None:
        """Copy all, and nothing more afterwards: the run's end comes behind it."""
        self._is_over = True  # a tick under way is waited for
        self.copy_all()

    def _keep(self) -> None:
        if self._sources and not self._journal.waiting:
            marks = (self._before or {}) | {name: source.mark for name, source in self._sources.items() if source.mark}
            keep_copied(self._directory, self._uid, self._journal, marks)
        self._kept_at = self._journal.size

    def _copy(self, pieces: int) -> bool:
        """Copy up to so many pieces of each writer's file; whether there was more in one."""
        if self._journal.waiting:
            return False
        has_more = False
        try:
            self._meet_new()
            for source in self._sources.values():
                with contextlib.suppress(OSError):  # it was deleted, or the network's file system is gone for now
                    has_more |= source.copy(self._append, pieces)
        except BaseException:  # Ctrl-C, behind a record that was just copied: the journal is asked once more
            self._before, self._sources = None, {}
            raise
        return has_more and not self._journal.waiting

    def _meet_new(self) -> None:
        files = layout.writers_of(self._directory)
        for name in files.keys() - self._sources.keys():
            if self._before is None:
                self._before = copied_in(self._directory, self._uid)
            with contextlib.suppress(OSError):
                self._sources[name] = _Source(name, files[name], self._uid, self._before.get(name, Mark()))

    def _append(self, name: str, entry: Entry) -> bool:
        """Copy a record; whether the journal could take it. One that waits in memory would be lost with the owner, and
        is in its writer's file as long as it is not copied."""
        record = entry.record
        if isinstance(record, Told):
            if self._journal.waiting:
                return False
            copied: Told = replace(record, time=self._time_of(record), writer=name, nth=entry.ordinal)
            if isinstance(copied, Log):
                copied = replace(copied, ordinal=-1)
            self._journal.append(copied)
            self._heard(copied)
        return True

    def _time_of(self, record: Told) -> int:
        """When it was said, as far as its writer's clock is not ahead of the owner's."""
        time = min(record.time, self._journal.now())
        return self._moments.free_from(time, record) if isinstance(record, Log) else time


class _Source:
    """A writer's file, and how far it is copied."""

    def __init__(self, name: str, path: str, uid: str, mark: Mark) -> None:
        self._name = name
        size = _size_of(path)
        self._reader = Reader(path, mark.offset, mark.ordinal) if mark.offset <= size else Reader(path)
        self._uid = uid
        self._nth = mark.nth
        self._waiting: list[Entry] = []
        self._is_ours = True if self._reader.offset else None

    @property
    def mark(self) -> Mark | None:
        """Where it stands; None where it is another run's, or something that was read waits."""
        if not self._is_ours or self._waiting:
            return None
        return Mark(self._nth, self._reader.offset, self._reader.ordinal)

    @property
    def offset(self) -> int:
        """It is read up to there."""
        return self._reader.offset

    def copy(self, append: Callable[[str, Entry], bool], pieces: int) -> bool:
        """Copy up to so many pieces; whether there is more."""
        for _ in range(pieces):
            self._waiting = self._waiting or self._read()
            if not self._waiting:
                return False
            for index, entry in enumerate(self._waiting):
                if entry.ordinal > self._nth:
                    if not append(self._name, entry):
                        del self._waiting[:index]
                        return False
                    self._nth = entry.ordinal
            self._waiting = []
        return True

    def _read(self) -> list[Entry]:
        if self._is_ours is False:
            return []
        try:
            entries = self._reader.read()
        except RunDirectoryError:  # a newer version's
            self._is_ours = False
            return []
        if self._is_ours is None and entries:
            begin = entries[0].record  # which may be damaged
            self._is_ours = not isinstance(begin, Begin) or begin.uid == self._uid
        return entries if self._is_ours else []


def _size_of(path: str) -> int:
    with contextlib.suppress(OSError):
        return os.path.getsize(path)
    return 0


def copy_in(directory: str, journal: Journal, uid: str) -> None:
    """Copy what writers said in the run ``uid`` that nobody owned since."""
    if layout.writers_of(directory):
        Copying(directory, journal, uid).copy_all()


def living(directory: str) -> int:
    """How many writers of the run still live, as far as the file system tells."""
    return sum(holding_of(path) is Holding.HELD for path in layout.writers_of(directory).values())
