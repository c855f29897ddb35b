"""How far one tracker is in the journal: in memory, and in its state file."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from .._common import clock
from .._journal import layout
from .._journal.reader import Entry
from .._journal.state import Saved, load, read_line, store
from ..trackers._portion import Counted
from ..trackers.base import BaseTracker
from .route import Route
from .standing import Condition, Order

SAVE_SECONDS = 0.2
_SAVE_PATIENCE = 1.0


class Abandoned(Exception):
    """Leads out of whatever the delivery's thread is doing, since it was told to stop."""


class Cursor:
    """How far ``tracker`` is. The delivery's thread moves it; whoever gives the delivery up seals it, from another.

    After :meth:`seal` nothing more is written: the run's directory may be another run's by then.

    Args:
        route: its tracker gets the state that an earlier process left.
        condition: says whether the delivery was told to stop.

    Attributes:
        saved: what the state file holds, as it is now.
        within: how much of the next record the tracker has acknowledged.
    """

    def __init__(self, route: Route, condition: Condition) -> None:
        self._path = layout.tracker_state(route.directory, route.name)
        self.saved = load(self._path, route.journal, route.begin.uid, route.config)
        self.within = 0
        self._tracker = route.tracker
        self._before = self.saved.delivered
        self._saved_at = 0.0
        self._condition = condition
        self._lock = threading.RLock()
        route.tracker.attach(route.begin, route.directory, self.saved.tracker)

    @property
    def delivered(self) -> int:
        """How many records the tracker took since this delivery began."""
        return max(0, self.saved.delivered - self._before)

    def rewind(self) -> None:
        """The tracker has nothing yet."""
        with self._lock:
            self.saved = Saved(self.saved.uid, self.saved.config, tracker=self.saved.tracker)
            self._before = 0

    def pass_by(self, entry: Entry, taken: int, counted: Mapping[str, Counted] = MappingProxyType({})) -> None:
        """``entry`` is done with; ``taken`` records up to it were taken. ``counted`` is where the axes are by then."""
        with self._lock:
            if entry.end > self.saved.offset:  # a refused record that comes again does not move it back
                self.saved.offset, self.saved.ordinal = entry.end, entry.ordinal + 1
            self.saved.delivered += taken
            self.saved.counted |= counted
        self.within = 0

    def pass_damage(self, offset: int, ordinal: int) -> bool:
        """Lines up to ``offset`` that are no records are passed, too; whether there were any."""
        if self.saved.offset >= offset:
            return False
        with self._lock:
            self.saved.offset, self.saved.ordinal = offset, ordinal
        return True

    def put_aside(self, name: str, ordinal: int) -> None:
        """The artifact ``name`` is to be tried again."""
        with self._lock:
            self.saved.aside[name] = ordinal

    def is_done_with(self, name: str) -> None:
        """The artifact ``name`` is not to be tried again."""
        with self._lock:
            del self.saved.aside[name]

    def save_now_and_then(self) -> None:
        """:meth:`save`, unless that was a moment ago."""
        if clock.steady() - self._saved_at >= SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Keep how far the tracker is. Where the disk refuses, a later save does it."""
        self._saved_at = clock.steady()
        with self._lock:
            if self._condition.may_keep:
                self._write()

    @contextlib.contextmanager
    def unsealed(self) -> Iterator[None]:
        """Write into the run's directory, while nobody seals this.

        Raises:
            Abandoned: it is sealed.
        """
        with self._lock:
            if not self._condition.may_keep:
                raise Abandoned
            yield

    # Both in one hold of the lock: a record that the delivery's thread passed between the last save and the order to
    # stop would come once more from whoever delivers next. A disk that hangs holds up nobody: then the thread, which is
    # in the write, keeps what it noted before.
    def seal(self) -> None:
        """Save for the last time, and have the delivery stop."""
        self._give(Order.STOP)

    def cease(self) -> None:
        """Save, and have the delivery make no further call; what the last one brings is saved once it returns."""
        self._give(Order.CEASE)

    def _give(self, order: Order) -> None:
        is_locked = self._lock.acquire(timeout=_SAVE_PATIENCE)
        try:
            if self._condition.may_keep:
                if is_locked:
                    self._write()
                self._condition.order = order
        finally:
            if is_locked:
                self._lock.release()

    def _write(self) -> None:
        with contextlib.suppress(Exception):  # the disk's trouble, or the tracker's own kind of state
            if self._condition.may_call or self._is_ours():
                self.saved.tracker = remembered(self._tracker)
                store(self._path, self.saved)

    # Once it ceases, the run may have been let go: its directory may be deleted, or another run's. Who goes on with the
    # same run waits until no call is under way.
    def _is_ours(self) -> bool:
        """Whether the state file is the one that this cursor kept."""
        kept = read_line(self._path, Saved)
        return kept is not None and (kept.uid, kept.config) == (self.saved.uid, self.saved.config)


def remembered(tracker: BaseTracker) -> dict[str, str]:
    """What must outlive the process, as text; the tracker's thread may change it meanwhile.

    Raises:
        Exception: the tracker has made something else of it than a dict of texts.
    """
    return {name: str(value) for name, value in tracker.state.copy().items()}
