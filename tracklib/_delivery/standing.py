"""What is asked of a delivery, wherever its work is done: in a thread of this process, or in the companion."""

from __future__ import annotations

import enum
from typing import NamedTuple, Protocol

from .._common.wakeup import Bell
from ..trackers.base import BaseTracker


class Standing(enum.Enum):
    """Where a delivery stands."""

    CONNECTING = "connecting"
    DELIVERING = "delivering"
    RETRYING = "retrying"
    BLOCKED = "blocked"
    DONE = "done"
    ABANDONED = "abandoned"


class Progress(NamedTuple):
    """How far a delivery is: it got on where this is greater than ever before.

    ``within`` counts what the tracker acknowledged behind ``offset``, inside a record that takes many requests.
    ``work`` is processor time in tenths of a second, while the tracker connects.
    """

    offset: int
    within: int = 0
    work: float = 0.0


class Delivering(Protocol):
    """The delivery of one journal to one tracker, as its run sees it. No call here waits for a tracker."""

    name: str
    tracker: BaseTracker
    standing: Standing
    trouble: str
    refusal: str
    changed: Bell

    def start(self) -> None:
        """Begin to deliver."""

    def hurry(self) -> None:
        """The run is over: try now, and soon again."""

    def wake(self) -> None:
        """Somebody waits: deliver what there is now, and try once more where the tracker is blocked."""

    def abandon(self) -> None:
        """Deliver no more."""

    def settle(self) -> None:
        """After :meth:`abandon`: return when nothing more of it comes into the run's directory. Bounded."""

    def progress(self) -> Progress:
        """How far it is."""

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""

    @property
    def aside(self) -> int:
        """How many artifacts could not be written yet, and were passed."""

    @property
    def damaged(self) -> int:
        """How many lines of the journal were no records."""

    @property
    def missing(self) -> int:
        """How many records the tracker has not got, once the run has ended."""

    @property
    def at_rest(self) -> bool:
        """Whether waiting is of no use: all is done, or a person must mend something first."""

    @property
    def goes_on(self) -> bool:
        """Whether the rest is delivered after the run was let go."""
