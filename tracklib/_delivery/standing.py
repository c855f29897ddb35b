"""What is asked of a delivery, wherever its work is done: in a thread of this process, or in the companion."""

from __future__ import annotations

import enum
from typing import Protocol

from .._common.wakeup import Bell


class Standing(enum.Enum):
    """Where a delivery stands."""

    CONNECTING = "connecting"
    DELIVERING = "delivering"
    RETRYING = "retrying"
    BLOCKED = "blocked"
    DONE = "done"
    ABANDONED = "abandoned"


class Delivering(Protocol):
    """The delivery of one journal to one tracker, as its run sees it. No call here waits for a tracker."""

    name: str
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

    def progress(self) -> tuple[int, Standing, float]:
        """Something that changes whenever the delivery gets on."""

    @property
    def offset(self) -> int:
        """The tracker has all records before this byte of the journal."""

    @property
    def rejected(self) -> int:
        """How many records the tracker refused for good."""

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
