"""The calls to a tracker, made again until they return."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator

from .._common import clock
from .._common.forks import apart_from_forks
from ..errors import TrackerBlocked, TrackerLost
from ..trackers.base import BaseTracker
from .cursor import Abandoned
from .standing import Condition, Order, Standing

BLOCKED_SECONDS = 60.0
_jitter = random.Random()  # not the process's own, which the user may have seeded


def never(failed: int) -> bool:
    """For calls that hand no record over: no failure is a record's fault."""
    return False


class Calls:
    """Makes the calls to ``tracker``, in the delivery's thread; :meth:`wake` is for others.

    Args:
        tracker: the tracker.
        condition: is told how the calls go, and says whether there may be another.
        heartbeat: called about once a second of each wait.
        meets_forks: whether it lives in the training process, where a fork must meet no call of the tracker's, whose
            locks the child would inherit.

    Attributes:
        latency: seconds that the last call took which returned.
    """

    def __init__(
        self, tracker: BaseTracker, condition: Condition, heartbeat: Callable[[], None], meets_forks: bool
    ) -> None:
        self._tracker = tracker
        self._condition = condition
        self._heartbeat = heartbeat
        self._apart = apart_from_forks if meets_forks and not tracker.holds_no_lock else contextlib.nullcontext
        self._wake = threading.Event()
        self.latency = 0.0

    def wake(self) -> None:
        """End the wait that is going on, or the next one."""
        self._wake.set()

    @property
    def hurries(self) -> bool:
        """Whether the run is over, and somebody waits."""
        return self._condition.order is Order.HURRY

    def need_leave(self) -> None:
        """Raises :class:`Abandoned` where the delivery was told to stop."""
        if not self._condition.may_call:
            raise Abandoned

    def once(self, call: Callable[[], None]) -> None:
        """Make ``call``.

        Raises:
            Abandoned: the delivery was told to stop before it returned.
            BaseException: what it raised. SDKs raise SystemExit too.
        """
        self.need_leave()
        try:
            with self._apart():
                call()
        except BaseException as error:
            if self._condition.may_call:
                raise
            raise Abandoned from error

    # Everything is caught, SystemExit and KeyboardInterrupt of an SDK too: an error that ended this thread would
    # leave the rest of the run undelivered, and nobody would hear of it. For `init` and `finish` there is no record
    # that could be refused in their place, so they are tried for ever (`always`). A server's Retry-After is waited
    # for in full: if somebody's flush cut it short, a server that asked for none would get one more request.
    # TrackerLost goes up once the wait is over, as the connection has to be made anew before anything is sent.
    def insist(
        self, call: Callable[[], None], always: bool = False, is_at_fault: Callable[[int], bool] = never
    ) -> None:
        """Make ``call`` until it returns, or until what is handed over by it turns out to be at fault.

        Args:
            call: may be made any number of times.
            always: whether no error of it is final.
            is_at_fault: asked after a call that may work later: whether it will not, by how often it has failed.

        Raises:
            Abandoned: the delivery was told to stop.
            TrackerLost: ``call`` raised it; after a rest.
            BaseException: what ``call`` raised, if waiting cannot mend it and not ``always``.
        """
        for failed, delay in enumerate(delays(), 1):  # pragma: no branch  # they never end
            waited_for, begun = self._condition.asked, clock.steady()
            try:
                self.once(call)
            except Abandoned:
                raise
            except BaseException as error:
                transient = self.is_transient(error)
                if not (transient or always or isinstance(error, TrackerBlocked)):
                    raise
                self._condition.report(error, Standing.RETRYING if transient else Standing.BLOCKED, waited_for)
                asked, is_lost = _retry_after(error), isinstance(error, TrackerLost)
                if transient and not asked and not is_lost and is_at_fault(failed):
                    raise
                self._rest_after_failure(asked, delay, transient)
                if is_lost:
                    raise
            else:
                self.latency = clock.steady() - begun
                self._condition.recovered()
                return

    def _rest_after_failure(self, asked: float, delay: float, transient: bool) -> None:
        if asked > delay:
            self.rest(asked, until_woken=False)
        else:
            self.rest(delay if transient else BLOCKED_SECONDS, soon=transient)

    def rest(self, seconds: float, soon: bool = False, until_woken: bool = True) -> None:
        """Wait, as a rule until woken; ``soon``: when the run is over, for a second at most.

        Raises:
            Abandoned: the delivery was told to stop.
        """
        until = clock.steady() + (min(seconds, 1.0) if self.hurries and soon else seconds)
        while self._condition.may_call and (left := until - clock.steady()) > 0:
            if self._wake.wait(min(left, 1.0)):
                self._wake.clear()
                if until_woken:
                    break
            self._heartbeat()
        self.need_leave()

    def is_transient(self, error: BaseException) -> bool:
        """Whether the same call may work later."""
        try:
            return isinstance(error, TrackerLost) or bool(self._tracker.is_transient(error))
        except BaseException:  # SDKs raise SystemExit too
            return False


def delays() -> Iterator[float]:
    """1 s to 60 s, doubling, each with up to a quarter of jitter."""
    delay = 1.0
    while True:
        yield delay * _jitter.uniform(1.0, 1.25)
        delay = min(2 * delay, 48.0)


def _retry_after(error: BaseException) -> float:
    """The seconds that the backend asked to wait; 0 where it did not, or not in seconds."""
    try:
        return float(getattr(error, "retry_after", None) or 0.0)
    except Exception:
        return 0.0
