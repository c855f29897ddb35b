"""What a run logs before its first loop over epochs, such as a check of the validation: it belongs to no epoch.

A ``@tracked`` function without an epoch counts its own calls, from 0. Called once before the loop, its result would be
taken for epoch 0, and the loop's own epoch 0 would be a second record there. So when the first loop begins, what was
counted before it is superseded, and logged again at the epoch before the loop's first: -1 in a new run.
"""

from __future__ import annotations

from .._journal.journal import Journal
from .._journal.records import Log, Superseded

_MOST = 64  # logs: who says more is not checking, but training without a loop of ours


class Counted(int):
    """An epoch that nobody said: the function's own calls were counted."""


class EarlyLogs:
    """Keeps the logs on the axis of the epochs, from the first one on whose epoch was counted.

    Until a loop begins it is not known whether they are early: in a run that never calls ``t.epochs``, all logs look
    so.

    Attributes:
        waits: whether a first loop may still come.
    """

    def __init__(self) -> None:
        self.waits = True
        self._logs: list[tuple[Log, bool]] = []

    def note(self, log: Log, is_said: bool) -> None:
        """A log was written; whether its epoch was said."""
        logs = self._logs
        if is_said and not logs:
            return
        logs.append((log, is_said))
        if len(logs) > _MOST:
            self.waits, self._logs = False, []

    def begin_loop(self, journal: Journal, epoch: int) -> Superseded | None:
        """The first loop begins, with ``epoch``: move what was logged before it to the epoch before that. Returns the
        record of what is superseded by that, if anything is."""
        if not self.waits:
            return None
        logs, self.waits, self._logs = self._logs, False, []
        if not logs:
            return None
        first = min(log.step for log, is_said in logs if not is_said)
        superseded = Superseded(time=journal.now(later=True), since=logs[0][0].time, epoch=first, only_epochs=True)
        journal.append(superseded)
        for log, is_said in logs:
            if superseded.covers(log):
                step = log.step if is_said else epoch - 1
                journal.append(Log(time=journal.now(later=True), axis="epoch", step=step, metrics=log.metrics))
        return superseded
