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
from .standing import Order, Progress, Standing

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


class _There(enum.Enum):
    """What the companion has of a delivery, in the order of its life there."""

    NOTHING = "nothing"  # it was not told of it
    OPEN = "open"  # it was told to deliver
    LEFT = "left"  # it was told that nobody waits any more
    GONE = "gone"  # nothing more of it comes from there


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
        offset, records = (0, 0) if tracker.reads_whole_journal else (saved.offset, saved.ordinal)
        self._last = Report(0, offset=offset, records=records, rejected=saved.rejected, aside=len(saved.aside))
        self.tell_anew()

    @property
    def key(self) -> int:
        """What it is called between the two processes."""
        return self._open.key

    @key.setter
    def key(self, key: int) -> None:
        self._open.key = key

    def tell_anew(self) -> None:
        """There is a new companion, which has not been told anything yet."""
        self._there = _There.NOTHING
        self._asked_there = 0  # what the companion was told of ``asked``

    # For the owner's thread ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver."""
        self._companion.take(self)

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        self._condition.hurry()
        self.wake()

    def wake(self) -> None:
        """Somebody waits."""
        if self._there is not _There.GONE:  # else nobody would answer
            self._condition.asked += 1
        self._companion.tell()

    def abandon(self) -> None:
        """Deliver no more; with ``later``, for nobody who waits. :meth:`settle` tells when that is so."""
        is_done = self.standing is Standing.DONE
        self.goes_on = self._later and not is_done and self._there is not _There.GONE
        self._condition.order = Order.STOP
        self._companion.tell()
        if self.goes_on:
            logger.info("%s gets the rest from the companion process, within ten minutes", self.name)
        if not is_done:
            self._condition.stand(Standing.ABANDONED)

    def settle(self, timeout: float = _SILENT_SECONDS) -> None:
        """Wait until the companion has let go of the run. If it cannot, since it is stopped or hangs, it is killed.

        Until then nobody else may begin in the run's directory: two would write the same state file, and a record
        could be at the backend twice. The companion that is killed is begun again for the deliveries of other runs.
        """
        begun = clock.steady()
        while not self._writes_no_more and not self._companion.is_down():
            waited = clock.steady() - begun
            if waited > timeout or (waited > _STOPPED_SECONDS and self._companion.is_stopped()):
                self._companion.kill()
                break
            self.changed.wait(0.1)

    @property
    def _writes_no_more(self) -> bool:
        return self._there is _There.GONE or self.standing is Standing.DONE

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._last.records, self._last.within, self._last.work)

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
        goes_on_alone = self._later and self._condition.order is not Order.DELIVER
        return goes_on_alone or (self._condition.at_rest and self._condition.is_answered)

    # For the companion's threads here -----------------------------------------------------------

    def news(self) -> Iterator[ToCompanion]:
        """What the companion has not been told yet."""
        order = self._condition.order
        if self._there is _There.NOTHING:
            self._there = _There.GONE if order is Order.STOP else _There.OPEN
            if self._there is _There.OPEN:
                yield self._open
        if self._there is not _There.OPEN:
            return
        asked = self._condition.asked
        if self._asked_there < asked:
            self._asked_there = asked
            yield Wake(self._open.key, asked, order is not Order.DELIVER)
        if order is Order.STOP:
            self._there = _There.LEFT
            yield Leave(self._open.key, self.goes_on)

    def hear(self, message: Report | Gone) -> None:
        """Take what the companion said."""
        if isinstance(message, Gone):
            self._there = _There.GONE
        elif self.standing is not Standing.ABANDONED:
            self._last = message
            self.tracker.state, self.tracker.location = message.state, message.location
            self._condition.trouble, self._condition.refusal = message.trouble, message.refusal
            self._condition.stand(message.standing)
            self._condition.answered = max(self._condition.answered, message.answered)
        self.changed.ring()

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is left to be told of it, or heard."""
        return self._there is _There.GONE and self._condition.order is Order.STOP

    def is_over(self) -> bool:
        """Whether a companion that was lost need not be begun again for it."""
        is_done = self.standing is Standing.DONE and self._condition.is_answered
        return is_done or self._condition.order is Order.STOP

    def lost(self) -> None:
        """The companion is no more."""
        if self._condition.order is Order.STOP:
            self._there = _There.GONE
        elif self.standing is not Standing.DONE:
            self._condition.trouble = "its companion process ended, and is begun again"
            self._condition.stand(Standing.RETRYING)
        self.changed.ring()

    def block(self, trouble: str) -> None:
        """There will be no other companion: the journal keeps it all."""
        if self.standing not in (Standing.DONE, Standing.ABANDONED):
            self._condition.trouble = trouble
            self._condition.stand(Standing.BLOCKED)
        self._condition.answered = self._condition.asked
        self._there = _There.GONE
        self.changed.ring()
