"""RemoteDelivery: one journal to one tracker, delivered in the companion process.

It holds what the companion last reported, and what it is still to be told. Nothing here waits, but
:meth:`RemoteDelivery.settle`.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Protocol

from .._common import clock
from .._common.wakeup import Bell
from .._journal import layout
from .._journal.reader import count_said
from .._journal.records import Begin
from .._journal.state import load
from ..trackers._identity import type_name
from ..trackers.base import BaseTracker
from .messages import Gone, Leave, Open, Report, ToCompanion, Wake
from .standing import Progress, Standing

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


class RemoteDelivery:
    """See :class:`~tracklib._delivery.standing.Delivering`.

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
        self.tracker = tracker
        self.name = name
        self.standing = Standing.CONNECTING
        self.trouble = self.refusal = ""
        self.changed = Bell()
        self.damaged = 0
        self.goes_on = False
        self._companion = companion
        self._journal = journal
        self._open = Open(0, type_name(type(tracker)), options, name, directory, journal, begin, config)
        self._later = later
        saved = load(layout.tracker_state(directory, name), journal, begin.uid, config)
        tracker.attach(begin, directory, saved.tracker)
        tracker.lives_elsewhere = True
        self.offset = 0 if tracker.reads_whole_journal else saved.offset
        self.rejected, self.aside = saved.rejected, len(saved.aside)
        self._work, self._within = 0.0, 0
        self._trying = self._hurry = self._leaving = False
        self._asked = self._heard = 0
        self._is_gone = False
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
        self._told_open = self._told_leave = False
        self._told = 0

    # For the owner's thread ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver."""
        self._companion.take(self)

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""
        self._hurry = True
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
        self._leaving = True
        self._companion.tell()
        if self.goes_on:
            logger.info("%s gets the rest from the companion process, within ten minutes", self.name)
        if not is_done:
            self.standing = Standing.ABANDONED

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
        return Progress(self.offset, self._within, self._work)

    @property
    def missing(self) -> int:
        """How many records the tracker has not got, once the run has ended."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            return count_said(self._journal, self.offset) + self.aside
        return 0

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use."""
        if self._later and self._hurry:
            return True
        rests = self.standing in (Standing.DONE, Standing.BLOCKED, Standing.ABANDONED)
        return rests and not self._trying and self._heard >= self._asked

    # For the companion's threads here -----------------------------------------------------------

    def news(self) -> Iterator[ToCompanion]:
        """What the companion has not been told yet."""
        if not self._told_open and not self._leaving:
            self._told_open = True
            yield self._open
        if not self._told_open:
            self._is_gone = True
            return
        asked = self._asked
        if self._told < asked:
            self._told = asked
            yield Wake(self._open.key, asked, self._hurry)
        if self._leaving and not self._told_leave:
            self._told_leave = True
            yield Leave(self._open.key, self.goes_on)

    def hear(self, message: Report | Gone) -> None:
        """Take what the companion said."""
        if isinstance(message, Gone):
            self._is_gone = True
        elif self.standing is not Standing.ABANDONED:
            self.tracker.state, self.tracker.location = message.state, message.location
            self.offset, self.rejected, self.damaged = message.offset, message.rejected, message.damaged
            self.aside = message.aside
            self.trouble, self.refusal = message.trouble, message.refusal
            self._work, self._within, self._trying = message.work, message.within, message.trying
            self.standing = message.standing
            self._heard = max(self._heard, message.heard)
        self.changed.ring()

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing is left to be told of it, or heard."""
        return self._is_gone and self._leaving and (self._told_leave or not self._told_open)

    def is_over(self) -> bool:
        """Whether a companion that was lost need not be begun again for it."""
        return self._leaving or (self.standing is Standing.DONE and self._heard >= self._asked)

    def lost(self) -> None:
        """The companion is no more."""
        if self._leaving:
            self._is_gone = True
        elif self.standing is not Standing.DONE:
            self.standing, self.trouble = Standing.RETRYING, "its companion process ended, and is begun again"
        self.changed.ring()

    def block(self, trouble: str) -> None:
        """There will be no other companion: the journal keeps it all."""
        if self.standing not in (Standing.DONE, Standing.ABANDONED):
            self.standing, self.trouble = Standing.BLOCKED, trouble
        self._trying = False
        self._heard = self._asked
        self._is_gone = True
        self.changed.ring()
