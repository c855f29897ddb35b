"""The epochs of a run, and the steps that are counted where nobody says one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._common.warn import warn
from .._journal.last_attempt import finished_epochs, last_step
from .._journal.records import Epoch
from .._values.arguments import INT64, shown, whole_number
from ..errors import LifecycleError
from .attempt import Attempt
from .epoch_bar import EpochBar
from .words import Words


class EpochWords(Words):
    """Counts epochs.

    Attributes:
        epoch: the epoch of :meth:`epochs` that is going on; None outside.
    """

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.epoch: int | None = None
        self._steps: dict[str, int] = {}
        self._finished: int | None = None  # epochs of all attempts; None until somebody asks

    def epochs(self, count: int) -> Iterator[int]:
        """Count the run's epochs, with a progress bar::

            for epoch in t.epochs(20):
                train_epoch(model, data)

        ``epoch`` is the one that is going on, and what ``@tracked`` functions log at. The bar shows the
        newest metrics; it is there in a terminal or a notebook only. The run goes on behind the last epoch
        that was finished, in this attempt or an earlier one: one that was left by ``break`` or an exception
        was not. All ranks count alike where all see the run's directory.

        Args:
            count: how many epochs the whole run has, those of earlier attempts and loops among them.

        Raises:
            LifecycleError: the run has not begun, or has ended; on iterating, another loop is going on.
            ValueError: ``count`` is no whole number from 0 on.
        """
        self._need_open("epochs")
        number = whole_number(count)
        if number is None or number < 0:
            raise ValueError(f"count must be a whole number of epochs from 0 on, as 20; got {shown(count)}")
        return self._epochs(number)

    def _epochs(self, count: int) -> Iterator[int]:
        if self._attempt.bar is not None:
            raise LifecycleError(f"epoch {self.epoch} is going on: leave its loop before another begins")
        finished = self._finished_epochs(count)
        bar = self._attempt.bar = EpochBar(self._attempt.title, finished, count, silent=not self._attempt.keeps)
        try:
            for epoch in range(finished, count):
                self.epoch = epoch
                yield epoch
                self._finish_epoch(epoch)
                bar.advance()
        finally:
            self.epoch = self._attempt.bar = None
            bar.close()

    def _finished_epochs(self, count: int) -> int:
        """How many epochs the run has finished, at most ``count``; a loop with nothing to do is wondered at."""
        earlier = self._attempt.earlier
        if self._finished is None:
            self._finished = finished_epochs(self.directory, earlier) if earlier else 0
        elif self._finished >= count > 0 and self._attempt.keeps:
            more = f"epochs({self._finished + count})"
            warn(
                f"epochs({count}) has nothing to do: the run has finished {self._finished}; {more} counts {count} more"
            )
        return min(self._finished, count)

    def _finish_epoch(self, epoch: int) -> None:
        self._finished = epoch + 1
        if self.is_init:
            journal = self._attempt.journal
            journal.append(Epoch(time=journal.now(), number=epoch))

    def _step(self, epoch: Any, axis: str) -> int:
        """The step of a record, where ``epoch`` is no plain int."""
        if epoch is None and axis == "epoch" and self.epoch is not None:
            return self.epoch
        step = None if epoch is None else whole_number(epoch)
        if step is not None:
            return step
        before = self._steps.get(axis)
        automatic = self._first_step(axis) if before is None else min(before + 1, INT64 - 1)
        if epoch is not None:
            what = f"{axis} {shown(epoch)}"
            self._warn_once("step", axis, f"{what} is no whole number of 64 bits: {automatic} is taken, and so on")
        return automatic

    def _first_step(self, axis: str = "epoch") -> int:
        """The first automatic step of this attempt: 0, or the one after the last that an earlier attempt logged."""
        earlier = self._attempt.earlier
        return 0 if earlier is None else min(last_step(self.directory, axis, earlier) + 1, INT64 - 1)
