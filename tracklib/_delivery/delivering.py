"""What is asked of a delivery, wherever its work is done: in a thread of this process, or in the companion."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod

from .._common.wakeup import Bell
from .._journal.reader import count_said
from ..trackers.base import BaseTracker
from .standing import Condition, Progress, Standing


class Delivering(ABC):
    """The delivery of one journal to one tracker, as its run sees it. No call here waits for a tracker.

    Args:
        tracker: the tracker.
        name: how messages and the state file call it.
        journal: the journal's path.
        changed: rings at each step forward.
    """

    goes_on = False
    """Whether the rest is delivered after the run was let go."""

    def __init__(self, tracker: BaseTracker, name: str, journal: str, changed: Bell | None = None) -> None:
        self.tracker = tracker
        self.name = name
        self._journal = journal
        self._condition = Condition(name, changed or Bell())

    @abstractmethod
    def start(self) -> None:
        """Begin to deliver."""

    @abstractmethod
    def hurry(self) -> None:
        """The run is over: try now, and soon again."""

    @abstractmethod
    def wake(self) -> None:
        """Somebody waits: deliver what there is now, and try once more where the tracker is blocked."""

    @abstractmethod
    def abandon(self) -> None:
        """Deliver no more."""

    @abstractmethod
    def settle(self) -> None:
        """After :meth:`abandon`: return when nothing more of it comes into the run's directory. Bounded."""

    @abstractmethod
    def progress(self) -> Progress:
        """How far it is."""

    @property
    @abstractmethod
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""

    @property
    @abstractmethod
    def rejected(self) -> int:
        """How many records the tracker refused for good."""

    @property
    @abstractmethod
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""

    @property
    @abstractmethod
    def damaged(self) -> int:
        """How many lines of the journal were no records."""

    @property
    def missing(self) -> int:
        """How many records the tracker has not got, once the run has ended."""
        with contextlib.suppress(OSError):  # the user may have deleted the directory
            return count_said(self._journal, self.offset) + self.aside
        return 0

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use: all is done, or a person must mend something first."""
        return self._condition.at_rest

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return self._condition.standing

    @property
    def trouble(self) -> str:
        """Why it does not get on; empty when it does."""
        return self._condition.trouble

    @property
    def refusal(self) -> str:
        """Why the tracker refused a record, the latest."""
        return self._condition.refusal

    @property
    def changed(self) -> Bell:
        """Rings at each step forward."""
        return self._condition.changed
