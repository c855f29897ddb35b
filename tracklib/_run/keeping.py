"""Keeping checkpoints: each is copied into the run's directory, noted in its journal, and deleted when enough newer or
better ones are kept."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import threading
import time
from typing import NamedTuple

from msgspec.structs import replace

from .._common.files import SCRATCH, copy_whole, make_folder, placed
from .._common.modes import grant, granted_in
from .._common.snapshots import Changed, Snapshot
from .._common.warn import tell
from .._journal import layout
from .._journal.checkpoints import BEST, LATEST, Checkpoints, let_go
from .._journal.journal import Journal
from .._journal.known_checkpoints import KnownCheckpoints
from .._journal.records import Checkpoint
from ..errors import LifecycleError
from .copies import Copies

_LEFT_SECONDS = 60.0

AT_ONCE_BYTES = 32 * 2**20
"""What is not larger is copied at the call, which takes some milliseconds."""


class Rule(NamedTuple):
    """Which checkpoints stay: the ``latest`` ones (None: all), the ``best``, those of epochs that ``every`` divides."""

    latest: int | None
    best: int
    every: int | None


class Keeping:
    """Keeps the checkpoints of the run in ``directory``, of this process.

    Guarantees:
        - What is kept is the file as it was at the call, whatever happens to it afterwards; if that cannot be had,
          nothing is kept, and the log says so.
        - A checkpoint is in its place, whole, before the journal tells of it.
        - None is deleted before the one that takes its place is there.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._copies = Copies()
        self._journals = KnownCheckpoints(directory)
        self._own: dict[str, Checkpoint] = {}  # said here, in a file of this process's own
        self._lock = threading.RLock()
        self._waits_for_nothing = self._is_elsewhere = False
        self._without_clones: set[int] = set()  # devices: to find it out takes longer than the rest of a call
        self._rewritten: set[str] = set()  # sources that are written into: a copy of them cannot wait

    def start_in_child(self) -> None:
        """Go on in a forked child: what is being copied is the parent's."""
        self._copies.start()
        self._lock = threading.RLock()
        self._waits_for_nothing = True  # it may end at any moment, and waits for nothing then

    def go_elsewhere(self) -> None:
        """This process is another one than the run's."""
        self._waits_for_nothing = self._is_elsewhere = True

    def known(self) -> Checkpoints:
        """Those that the run has, as far as is known here: in another process than the run's, what that said last.

        Raises:
            OSError: the journal cannot be read.
        """
        with self._lock:
            known = self._journals.now()
            for name, record in self._own.items():
                if name not in known.records or known.records[name].time < record.time:
                    known.take(record)
            return known

    def wait(self) -> None:
        """Wait for what is being copied."""
        self._copies.wait()

    def end(self) -> None:
        """Wait for what is being copied as long as it gets on; what is not done then is not kept."""
        if not self._copies.end():
            tell("a checkpoint that was still being copied is not kept: the disk did not get on with it for 10 seconds")

    def keep(self, source: str, record: Checkpoint, rule: Rule, journal: Journal, links: bool) -> None:
        """Keep ``source`` as ``record`` says: at once where that takes no time, else behind the caller's back.

        Raises:
            LifecycleError: the run ends meanwhile.
            OSError: it cannot be read, or the directory not be written.
        """
        target = layout.checkpoint_path(self.directory, record.name)
        with contextlib.ExitStack() as stack:
            snapshot = stack.enter_context(Snapshot(source))
            record = replace(record, size=snapshot.size)
            if (links and self._link(source, target)) or self._clone(snapshot, target):
                self._say(record, rule, journal)
            elif self._is_at_once(source, snapshot):
                try:
                    record = replace(record, sha256=self._copy(snapshot, source, target))
                except _Late:
                    raise LifecycleError(
                        f"checkpoint {record.name} is not kept: another thread ended the run meanwhile; wait for your "
                        "threads within its block"
                    ) from None
                self._say(record, rule, journal)
            else:
                self._copies.add(lambda: self._copy_behind(snapshot, source, record, rule, journal))
                stack.pop_all()  # the snapshot is the copy's now

    def _is_at_once(self, source: str, snapshot: Snapshot) -> bool:
        is_light = snapshot.size <= AT_ONCE_BYTES or not snapshot.is_whole
        return is_light or source in self._rewritten or self._waits_for_nothing

    def _clone(self, snapshot: Snapshot, target: str) -> bool:
        if snapshot.size <= AT_ONCE_BYTES or snapshot.device in self._without_clones:
            return False  # what is small gets its checksum, too
        with contextlib.suppress(_NotCloned), placed(target) as new:
            if not snapshot.clone(new):
                raise _NotCloned
            grant(new, granted_in(self.directory))
            return True
        self._without_clones.add(snapshot.device)
        return False

    def _link(self, source: str, target: str) -> bool:
        """Whether a file has a second name now. Its rights stay: they are the user's file's, too."""
        if os.path.isdir(source):
            return False
        make_folder(os.path.dirname(target))
        with contextlib.suppress(OSError), placed(target) as new:  # another disk, or a file system without links
            os.link(source, new)
            return True
        return False

    def _copy(self, snapshot: Snapshot, source: str, target: str) -> str:
        with placed(target) as new:
            if snapshot.is_whole:
                sha256 = snapshot.copy(new, self._copies.further)
            else:
                copy_whole(source, new)
                sha256 = ""
            grant(new, granted_in(self.directory))
            if self._copies.is_over:
                raise _Late
        return sha256

    def _copy_behind(self, snapshot: Snapshot, source: str, record: Checkpoint, rule: Rule, journal: Journal) -> None:
        try:
            with snapshot:
                sha256 = self._copy(snapshot, source, layout.checkpoint_path(self.directory, record.name))
            self._say(replace(record, sha256=sha256), rule, journal)
        except Changed:
            self._rewritten.add(source)
            tell(
                f"checkpoint {record.name} is not kept: {source} was written into before it was copied. From now on it "
                "is copied at once; or write each checkpoint to a name of its own, or put it in place by os.replace"
            )
        except OSError as error:
            tell(f"checkpoint {record.name} is not kept: {error}")
        except _Late:
            pass

    def _say(self, record: Checkpoint, rule: Rule, journal: Journal) -> None:
        """Write the record, and delete what is kept no more."""
        with self._lock:
            known = self.known()
            record = replace(record, time=journal.now(later=True))
            known.take(record)
            aliases = [alias for alias, of in ((LATEST, known.latest), (BEST, known.best)) if of is record]
            gone = let_go(known, rule.latest, rule.best, rule.every) if rule.latest else []
            record = replace(record, aliases=aliases, lets_go=gone)
            journal.append(record)
            if self._is_elsewhere:
                self._own[record.name] = record
        for name in gone:
            _delete(layout.checkpoint_path(self.directory, name))


class _NotCloned(Exception):
    """The file system cannot."""


class _Late(Exception):
    """The run is over."""


def sweep(directory: str) -> None:
    """Take away what earlier attempts had begun to copy: nothing has been written into it for a minute."""
    folder = os.path.join(directory, layout.CHECKPOINTS)
    for scratch in glob.glob(os.path.join(glob.escape(folder), SCRATCH + "*")):
        with contextlib.suppress(OSError):
            inside = [os.path.join(where, name) for where, _, names in os.walk(scratch) for name in names]
            newest = max(os.stat(path).st_mtime for path in [scratch, *inside])
            if newest < time.time() - _LEFT_SECONDS:
                _delete(scratch)


def _delete(path: str) -> None:
    with contextlib.suppress(OSError):
        (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
