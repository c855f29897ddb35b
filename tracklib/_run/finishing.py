"""Ending a run by hand, and saying how it ends where it cannot know."""

from __future__ import annotations

from .._journal.records import Status
from .ending import leave
from .sigterm import cause_of
from .verdict import as_status, status_of
from .words import Words


class FinishWords(Words):
    """Ends a run that no block ends, and tells the truth of an end that looks like another."""

    def finish(self, status: Status | str | None = None, *, error: BaseException | None = None) -> None:
        """End a run by hand: write its end, then wait for trackers as long as they make progress, and for at most 10
        seconds (5 with an ``error``) for those that make none.

        Args:
            status: ``"finished"``, ``"failed"``, ``"killed"`` or ``"preempted"``. None takes the one that a block would
                have got which ``error`` left.
            error: the exception that ended the run; None is a normal end.

        Raises:
            DeliveryError: with ``on_error="raise"``, where a tracker did not get everything.
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``error`` is no exception.
            ValueError: ``status`` is none of these.
        """
        attempt = self._need_own("finish")
        _need_exception("finish(error=...)", error)
        found = status_of(cause_of(error)) if status is None else as_status(status)
        leave(attempt, found, error, attempt.options.on_error)

    def ending(self, error: BaseException) -> None:
        """Tell the run which exception really ends it, before a framework turns it into another one: where a trainer
        catches Ctrl-C and exits with code 1, the run was killed, and has not failed. For adapters. It counts only if
        the block is then left by ``SystemExit``, or by an exception that has ``error`` as its cause or context.

        Args:
            error: that exception.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``error`` is no exception.
        """
        attempt = self._need_own("ending")
        _need_exception("ending", error)
        attempt.told = error

    @property
    def at_exit(self) -> Status:
        """The status that the run gets when the interpreter exits normally and nobody has ended it; it may be set."""
        return self._attempt.at_exit

    @at_exit.setter
    def at_exit(self, status: Status | str) -> None:
        self._attempt.at_exit = as_status(status)


def _need_exception(where: str, error: object) -> None:
    if error is not None and not isinstance(error, BaseException):
        raise TypeError(f"{where} takes an exception, as that of `except ... as error`; got {type(error).__name__}")
