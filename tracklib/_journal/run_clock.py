"""A run's time, which never falls: the wall clock's, but not where somebody set that to another day.

Times order a run's records, and a backend may know a record by its time. The wall clock can be set: back by a moment
(NTP), or by years (a board without a battery, a test that freezes the time). So what it says is compared with a clock
that cannot be set, and a jump of more than a day is not followed: backwards never, as no record may be earlier than
the one before; forwards only when the clock has stood there for a minute.
"""

from __future__ import annotations

from .._common import clock

_JUMP = 86_400_000  # milliseconds that no clock is wrong by, unless somebody sets it
_MOMENT = 60_000
_NEAR = 1_000  # milliseconds from the last record, within which it is not asked whether the clock was set


class RunClock:
    """The times of a run's records.

    Args:
        after: no record is earlier than this, in milliseconds since 1970, UTC.
    """

    def __init__(self, after: int) -> None:
        self._last_time = after
        self._offset = max(clock.wall(), after) - clock.since_boot()  # between the clock on the wall and a steady one
        self._ahead_since = 0

    def be_after(self, time: int) -> None:
        """No record to come is earlier than ``time``."""
        self._last_time = max(self._last_time, time)
        self._offset = max(self._offset, time - clock.since_boot())

    def now(self, later: bool = False) -> int:
        """Milliseconds since 1970, UTC, never less than at an earlier call; with ``later``, always more."""
        now = clock.wall()
        last = self._last_time
        if self._ahead_since or not last - _NEAR <= now <= last + _NEAR:
            now = self._unless_it_was_set(now)
        if later:
            last += 1
        if now < last:
            now = last
        self._last_time = now
        return now

    def _unless_it_was_set(self, now: int) -> int:
        """The wall clock's time; after a jump that is not followed, what it would be without the jump."""
        steady = clock.since_boot()
        offset = now - steady
        if abs(offset - self._offset) <= _JUMP:
            self._offset, self._ahead_since = max(self._offset, offset), 0
        elif self._is_right(offset, steady):
            self._offset = offset
        else:
            now = steady + self._offset
        return now

    def _is_right(self, offset: int, steady: int) -> bool:
        """Whether a wall clock that jumped by more than a day is followed: forwards, once it has stood there for a
        minute."""
        if offset < self._offset:
            return False
        self._ahead_since = self._ahead_since or steady
        return steady - self._ahead_since >= _MOMENT
