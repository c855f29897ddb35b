"""What a run that is offline does not deliver: it is in the journal, and ``tracklib sync`` delivers it."""

from __future__ import annotations

from ..trackers.base import BaseTracker
from .delivering import Delivering
from .standing import Progress, Standing


class PutOff(Delivering):
    """Of a tracker with an SDK, while ``TRACKLIB_MODE`` is ``offline``: no process, no import, no connection."""

    goes_on = True

    def __init__(self, tracker: BaseTracker, name: str, journal: str) -> None:
        super().__init__(tracker, name, journal)
        self._condition.stand(Standing.BLOCKED)
        self._condition.trouble = "TRACKLIB_MODE is offline"

    def start(self) -> None:
        """Nothing begins."""

    def hurry(self) -> None:
        """It is in no hurry."""

    def wake(self) -> None:
        """Nor is it tried when somebody waits."""

    def abandon(self) -> None:
        """Nothing is going on."""

    def settle(self) -> None:
        """Nothing comes any more."""

    def progress(self) -> Progress:
        """None."""
        return Progress(0)

    @property
    def offset(self) -> int:
        """It takes nothing, and what an earlier attempt has delivered is in that attempt's state."""
        return 0

    @property
    def rejected(self) -> int:
        """None, as nothing is sent."""
        return 0

    @property
    def aside(self) -> int:
        """None, as nothing is sent."""
        return 0

    @property
    def damaged(self) -> int:
        """The CSV's delivery reads the same journal, and counts."""
        return 0
