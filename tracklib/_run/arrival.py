"""Whether what a run said has arrived: its trackers by their names, and waiting for them."""

from __future__ import annotations

from collections.abc import Callable

from .._common import clock
from .._delivery.delivering import Delivering
from .._delivery.standing import Standing
from .._delivery.waiting import wait_for_change
from .._values.numbers import seconds
from ..trackers.base import BaseTracker
from .life import Life
from .words import Words


class ArrivalWords(Words):
    """Looks at the trackers, and waits for them."""

    def __getitem__(self, name: str) -> BaseTracker:
        """The tracker of that name, such as ``t["Mlflow"]``: its class's name, with ``-2`` and so on for further ones.

        Raises:
            KeyError: the run has no such tracker; the message says which it has.
        """
        trackers = self._attempt.trackers
        try:
            return trackers[name]
        except KeyError:
            raise KeyError(f"no tracker {name!r} in this run; it has {', '.join(trackers)}") from None

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every tracker has what was logged so far.

        Args:
            timeout: at most so many seconds. None waits as long as anything may still arrive by itself: not for a
                tracker that needs somebody's help first, such as a new key.

        Returns:
            Whether all have everything. It is False also where a tracker refused a record for good. In another process
            than the run's it is False: there, it only makes sure that what was logged is on the disk.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``timeout`` is no number.
        """
        journal = self._need_open("flush").journal
        journal.sync()  # which may bring in what the disk did not take before
        if journal.waiting or self._attempt.elsewhere:
            return False
        size = journal.size
        all_asked = self._wait(lambda delivery: delivery.offset >= size and not delivery.aside, timeout)
        return all_asked and not any(delivery.rejected for delivery in self._attempt.deliveries)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until every tracker is connected to its backend.

        Args:
            timeout: at most so many seconds; None waits as in :meth:`flush`.

        Returns:
            Whether all are connected.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``timeout`` is no number.
        """
        self._need_open("wait_ready")
        return self._wait(lambda delivery: delivery.standing in (Standing.DELIVERING, Standing.DONE), timeout)

    def _wait(self, reached: Callable[[Delivering], bool], timeout: float | None) -> bool:
        attempt = self._attempt
        until = None if timeout is None else clock.steady() + seconds("timeout", timeout)
        if attempt.elsewhere:
            return False
        is_lent = attempt.life is Life.LENT
        if not is_lent:  # there, a delivery's thread is none, and may have held what waking it takes
            for delivery in attempt.deliveries:
                delivery.wake()
        while waiting := [delivery for delivery in attempt.deliveries if not reached(delivery)]:
            remaining = 0.1 if until is None else min(0.1, until - clock.steady())
            if remaining <= 0 or is_lent or all(delivery.at_rest for delivery in waiting):
                return False
            wait_for_change(waiting, remaining)
        return True
