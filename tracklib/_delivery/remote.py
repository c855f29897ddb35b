"""RemoteDelivery: one journal to one tracker, delivered in the companion process.

It holds what the companion last reported, and what it is still to be told. Nothing here waits, but
:meth:`RemoteDelivery.settle`.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Iterator
from typing import Any, Protocol

from .._common import clock
from .._journal import layout
from .._journal.records import Begin
from .._journal.state import load
from ..trackers._identity import type_name
from ..trackers.base import BaseTracker
from .delivering import Delivering
from .messages import Gone, Leave, Open, Report, ToCompanion, Wake
from .standing import Life, Progress, Standing

logger = logging.getLogger("tracklib")

_STOPPED_SECONDS = 1.0
_SILENT_SECONDS = 10.0


class Companion(Protocol):
    """What is asked of the companion's owner: ``_delivery.companion`` has it."""

    def take(self, delivery: RemoteDelivery) -> None:
        """Have it delivered, by a key of its own."""

    def tell(self) -> None:
        """There is something new to be told."""

    def is_stopped(self) -> bool:
        """Whether the process cannot answer."""

    def is_down(self) -> bool:
        """Whether there is no process."""

    def kill(self) -> None:
        """End the process; for other deliveries it is begun again."""


class _Told(enum.Enum):
    """What the companion was told of a delivery, besides who waits."""

    NOTHING = "nothing"
    OPEN = "open"
    LEAVE = "leave"


class RemoteDelivery(Delivering):
    """See :class:`~tracklib._delivery.delivering.Delivering`.

    Args:
        companion: where the work is done.
        tracker: never connected here; its ``state`` and ``location`` are those of the one in the companion.
        options: what makes the same tracker there.
        later: whether it goes on once nobody waits.
    """

    def __init__(
        self,
        companion: Companion,
        tracker: BaseTracker,
        options: dict[str, Any],
        name: str,
        directory: str,
        begin: Begin,
        journal: str,
        config: str,
        later: bool = False,
    ) -> None:
        super().__init__(tracker, name, journal)
        self._companion = companion
        self._open = Open(0, type_name(type(tracker)), options, name, directory, journal, begin, config)
        self._later = later
        saved = load(layout.tracker_state(directory, name), journal, begin.uid, config)
        tracker.attach(begin, directory, saved.tracker)
        tracker.lives_elsewhere = True
        offset = 0 if tracker.reads_whole_journal else saved.offset
        self._last = Report(0, offset=offset, rejected=saved.rejected, aside=len(saved.aside))
        self._life = Life.RUNS
        self._asked = 0  # how often it was woken
        self._heard = 0  # how often the companion has heard that
        self._is_gone = False  # nothing more of it comes from a companion
        self.tell_anew()

    @property
    def key(self) -> int:
        """What it is called between the two processes."""
        return self._open.key

    @key.setter
    def key(self, key: int) -> None:
        self._open.key = key

    def tell_anew(self) -> None:
        """There is another companion, which was told nothing yet."""
        self._told, self._told_asked = _Told.NOTHING, 0

    # For the owner's thread ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver."""
        self._companion.take(self)

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        if self._life is Life.RUNS:
            self._life = Life.HURRIES
        self.wake()

    def wake(self) -> None:
        """Somebody waits."""
        self._asked += 1
        self._companion.tell()

    def abandon(self) -> None:
        """Deliver no more; with ``later``, for nobody who waits. :meth:`settle` tells when that is so."""
        is_done = self.standing is Standing.DONE
        self._is_gone = self._is_gone or is_done  # its state is written
        self.goes_on = self._later and not self._is_gone
        self._life = Life.ABANDONED
        self._companion.tell()
        if self.goes_on:
            logger.info("%s gets the rest from the companion process, within ten minutes", self.name)
        if not is_done:
            self._condition.standing = Standing.ABANDONED

    def settle(self, timeout: float = _SILENT_SECONDS) -> None:
        """Wait until the companion has let go; one that cannot, since it is stopped or hangs, is ended.

        Nobody else may begin in the run's directory before.
        """
        begun = clock.steady()
        while not self._is_gone and not self._companion.is_down():
            waited = clock.steady() - begun
            if waited > timeout or (waited > _STOPPED_SECONDS and self._companion.is_stopped()):
                self._companion.kill()
                break
            self.changed.wait(0.1)

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._last.offset, self._last.within, self._last.work)

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""
        return self._last.offset

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""
        return self._last.rejected

    @property
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""
        return self._last.aside

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""
        return self._last.damaged

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use."""
        goes_on_alone = self._later and self._life is not Life.RUNS
        return goes_on_alone or (self._condition.at_rest and self._heard >= self._asked)

    # For the companion's threads here -----------------------------------------------------------

    def news(self) -> Iterator[ToCompanion]:
        """What the companion has not been told yet."""
        is_left = self._life is Life.ABANDONED
        if self._told is _Told.NOTHING and not is_left:
            self._told = _Told.OPEN
            yield self._open
        if self._told is _Told.NOTHING:
            self._is_gone = True
            return
        asked = self._asked
        if self._told_asked < asked:
            self._told_asked = asked
            yield Wake(self._open.key, asked, self._life is not Life.RUNS)
        if is_left and self._told is _Told.OPEN:
            self._told = _Told.LEAVE
            yield Leave(self._open.key, self.goes_on)

    def hear(self, message: Report | Gone) -> None:
        """Take what the companion said."""
        if isinstance(message, Gone):
            self._is_gone = True
        elif self.standing is not Standing.ABANDONED:
            self._last = message
            self.tracker.state, self.tracker.location = message.state, message.location
            condition = self._condition
            condition.trouble, condition.refusal = message.trouble, message.refusal
            condition.is_trying, condition.standing = message.trying, message.standing
            self._heard = max(self._heard, message.heard)
        self.changed.ring()

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is left to be told of it, or heard."""
        return self._is_gone and self._life is Life.ABANDONED and self._told is not _Told.OPEN

    def is_over(self) -> bool:
        """Whether a companion that was lost need not be begun again for it."""
        return self._life is Life.ABANDONED or (self.standing is Standing.DONE and self._heard >= self._asked)

    def lost(self) -> None:
        """The companion is no more."""
        if self._life is Life.ABANDONED:
            self._is_gone = True
        elif self.standing is not Standing.DONE:
            self._condition.trouble = "its companion process ended, and is begun again"
            self._condition.standing = Standing.RETRYING
        self.changed.ring()

    def block(self, trouble: str) -> None:
        """There will be no other companion: the journal keeps it all."""
        if self.standing not in (Standing.DONE, Standing.ABANDONED):
            self._condition.trouble, self._condition.standing = trouble, Standing.BLOCKED
        self._condition.is_trying = False
        self._heard = self._asked
        self._is_gone = True
        self.changed.ring()
