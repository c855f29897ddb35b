"""The run of a rank other than 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._journal.directory import cannot_be_used
from .._journal.journal import Journal
from .._journal.last_attempt import earlier_run
from .._journal.records import Record, Status
from ..errors import LifecycleError
from .run import Trackers


class SilentTrackers(Trackers):
    """The run of a rank other than 0: the same words, checked the same way, and nothing is kept."""

    def init(self) -> None:
        """Begin the run, without a directory, a journal or a thread.

        Raises:
            LifecycleError: the run has begun before.
            RunDirectoryError: the run that goes on cannot be read.
        """
        if self.is_init or self._journal is not None:
            raise LifecycleError("this run has begun already: make a new Trackers (or tracking) for each run")
        try:  # for the epochs to go on alike
            self._earlier = earlier_run(self.directory) if self._resume else None
        except OSError as error:
            raise cannot_be_used(self.directory, error) from error
        self._journal = _NoJournal()
        self._is_silent = True
        self.is_init = True

    def end(self, status: Status, error: BaseException | None = None) -> None:
        """End the run."""
        self.is_init = False

    def log(self, epoch: Any, log_dict: Mapping[Any, Any], *, axis: str = "epoch") -> None:
        """Nothing is kept; a tensor is not even looked at."""
        self._need_journal("log")

    def _keep(self, name: str, put: Callable[[str], None]) -> None:
        """Nothing is copied or rendered."""

    def flush(self, timeout: float | None = None) -> bool:
        """There is nothing to wait for."""
        self._need_journal("flush")
        return True


class _NoJournal(Journal):
    def __init__(self) -> None:
        self._last_time = 0

    def append(self, record: Record) -> None:
        pass
