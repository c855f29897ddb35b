"""The artifacts and checkpoints that a tracker cannot take now: they are passed, and tried again."""

from __future__ import annotations

import functools
import os
import time

from .._common.warn import mention, tell
from .._journal import layout
from .._journal.encoding import checkpoint_marker
from .._journal.reader import Entry
from .._journal.records import Artifact, Checkpoint, Record
from .._journal.tail import last_record
from ..errors import LifecycleError, TrackerBlocked, TrackerLost
from . import calls as _calls
from .calls import Calls
from .cursor import Abandoned, Cursor
from .handing import Handing
from .route import Route
from .standing import Condition, Connection, Standing, said


class ArtifactsAside:
    """What cannot be written now holds up no metrics and no status. Which those are, ``cursor`` remembers.

    Args:
        route: which run, and which tracker.
        cursor: remembers which artifacts are aside.
        calls: makes the calls.
        handing: rejects what is refused for good.
        condition: is told how it goes.

    Attributes:
        trouble: why the latest was put aside.
    """

    def __init__(
        self,
        route: Route,
        cursor: Cursor,
        calls: Calls,
        handing: Handing,
        condition: Condition,
    ) -> None:
        self.trouble = ""
        self._route = route
        self._cursor = cursor
        self._calls = calls
        self._handing = handing
        self._condition = condition
        self._try_at, self._delays = 0.0, _calls.delays()

    def hand_over(self, entry: Entry) -> None:
        """Have the tracker take the artifact or checkpoint of the record, or put it aside."""
        if self._cursor.saved.aside or not self._try(entry):  # those before it come first
            self._cursor.put_aside(_key(entry.record), entry.ordinal)
            self._handing.pass_by(entry, taken=0)

    def soon(self) -> None:
        """Try again at the next :meth:`retry`."""
        self._try_at = 0.0

    def retry(self) -> None:
        """Try those that are aside again, if it is time."""
        if not self._cursor.saved.aside or time.monotonic() < self._try_at:
            return
        for key, ordinal in list(self._cursor.saved.aside.items()):
            if not self._try(Entry(self._record_of(key), ordinal, 0)):
                return
            self._cursor.is_done_with(key)
            self._condition.changed.ring()
        self._delays = _calls.delays()

    def _record_of(self, key: str) -> Artifact | Checkpoint:
        """What says the artifact or checkpoint that is aside as ``key``; a checkpoint's newest record, if there are
        several."""
        folder, name = os.path.split(key)
        if not folder:
            return Artifact(time=0, name=name)
        found = last_record(self._route.journal, Checkpoint, checkpoint_marker(name))
        return found[0] if found and isinstance(found[0], Checkpoint) else Checkpoint(time=0, name=name, epoch=-1)

    def _try(self, entry: Entry) -> bool:
        """Whether nothing is left to do for it: the tracker has it, or refused it, or it is there no more."""
        record, tracker = entry.record, self._route.tracker
        path = os.path.join(self._route.directory, layout.ARTIFACTS, _key(record))
        call = functools.partial(tracker.log_artifact, _key(record), path)
        if isinstance(record, Checkpoint):
            path = layout.checkpoint_path(self._route.directory, record.name)
            call = functools.partial(tracker.log_checkpoint, record, path)
        try:
            self._calls.once(call)
        except Abandoned:
            raise
        except BaseException as error:  # SDKs raise SystemExit too
            return self._failed(entry, path, error)
        self._condition.recovered()
        self._handing.pass_by(entry, taken=1)
        return True

    def _failed(self, entry: Entry, path: str, error: BaseException) -> bool:
        if isinstance(error, LifecycleError) and self._condition.connection is Connection.ENDED:
            error = TrackerLost("it was finished before it had its artifacts")  # a new connection takes them
        if isinstance(error, TrackerLost):
            self._condition.report(error, Standing.RETRYING)
            self._calls.rest(1.0)
            raise error
        if not os.path.lexists(path):
            say = mention if isinstance(entry.record, Checkpoint) else tell  # the run keeps the newest ones only
            name, directory = os.path.basename(path), self._route.directory
            say(f"the artifact {name} is gone from {directory}: {self._route.name} does not get it")
            self._handing.pass_by(entry, taken=0)
            return True
        if isinstance(error, TrackerBlocked | FileNotFoundError) or self._calls.is_transient(error):
            self._put_off(os.path.basename(path), error)
            return False
        self._handing.reject(entry, error)
        return True

    def _put_off(self, name: str, error: BaseException) -> None:
        self.trouble = f"artifact {name}: {said(error)}"
        if not self._cursor.saved.aside:
            tell(f"{self._route.name} cannot take the {self.trouble}; it is tried again, and the rest goes on")
        self._try_at = time.monotonic() + min(next(self._delays), 1.0 if self._calls.hurries else 60.0)


def _key(record: Record) -> str:
    """What an artifact or a checkpoint is called among those that are aside."""
    assert isinstance(record, Artifact | Checkpoint)
    return os.path.join(layout.CHECKPOINTS, record.name) if isinstance(record, Checkpoint) else record.name
