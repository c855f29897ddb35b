"""The epochs of a run, and the steps that are counted where nobody says one."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from .._common.warn import warn
from .._journal.last_attempt import Finished, epoch_began, last_step
from .._journal.records import Epoch, Status, Superseded, Tags
from .._values.arguments import INT64, as_tags, as_text, shown, whole_number
from ..errors import LifecycleError
from .attempt import Attempt
from .early import Counted, EarlyLogs
from .epoch_bar import EpochBar
from .patience import Patience, need_patience
from .preemption import has_come
from .rewinding import say_goes_on
from .telling import say_stopped
from .words import Words


class EpochWords(Words):
    """Counts epochs.

    Attributes:
        epoch: the epoch of :meth:`epochs` that is going on; None outside.
    """

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.epoch: int | None = None
        self._last_epoch: int | None = None  # the one that was going on when the last loop ended
        self._steps: dict[str, int] = {}
        self._planned = 0
        self._finished: Finished | None = None  # epochs of all attempts; None until somebody asks
        self._left: tuple[int, int] | None = None  # the epoch that a loop left before its end, and when it began
        self._early = EarlyLogs()
        self._stopped_by = ""

    def epochs(self, count: int, start: int | None = None, *, patience: int | None = None) -> Iterator[int]:
        """Count the run's epochs, with a progress bar::

            for epoch in t.epochs(20):
                train_epoch(model, data)

        Epochs count from 0. ``@tracked`` functions log at the current one, and after the loop at its last. The bar
        shows the newest metrics, in a terminal or a notebook only. A resumed run begins with the first epoch that is
        not finished; one that was left by ``break`` or an exception is not (for early stopping, call
        :meth:`stop_epochs`). All ranks count alike where all see the run's directory.

        Args:
            count: how many epochs the whole run has, those of earlier attempts and loops included.
            start: how many of them the model has been trained for, as its checkpoint says. What the run logged of later
                ones is superseded: it does not count any more. None takes how many the run has finished.
            patience: early stopping, as by :meth:`stop_epochs`: the loop ends after so many epochs in a row, earlier
                attempts' included, in which no metric of the run's option ``best`` got better. It counts from the first
                best value on. With several ranks, rank 0 decides, and the others wait for its answer at the end of each
                epoch, as in :meth:`agree`; the run's option ``ranks`` must then be None or ``"first"``.

        Raises:
            LifecycleError: the run has not begun, or has ended; on iterating, another loop is going on.
            RanksUnavailable: on iterating, with ``patience``: another rank did not come, or is gone.
            ValueError: ``count`` or ``start`` is no whole number from 0 on, ``patience`` none from 1 on; or the run's
                options do not go with ``patience``.
        """
        attempt = self._need_own("epochs")
        number = _as_count("count", count)
        first = None if start is None else _as_count("start", start)
        if patience is None:
            return self._epochs(number, first, None)
        is_alone = not (attempt.launch or attempt.rank)
        knows_others = is_alone or (bool(attempt.size) and attempt.options.ranks in (None, "first"))
        enough = need_patience(patience, attempt.bests, knows_others)
        return self._epochs(number, first, enough)

    @property
    def preempted(self) -> bool:
        """Whether the scheduler has sent its signal: the job is about to be preempted. Needs ``preemptible=True``."""
        return has_come()

    def stop_epochs(self, why: str = "") -> None:
        """Make the current epoch the last one, for early stopping: it counts as finished now, and the loop of
        :meth:`epochs` ends after it, by itself or by ``break``. A resumed run has none left to do. ::

            for epoch in t.epochs(100):
                if train_epoch(model, data)["loss"] < 0.01:
                    t.stop_epochs("the loss is low enough")

        Args:
            why: the reason, in words; it becomes the run's tag ``stopped``, and is printed in the terminal.

        Raises:
            LifecycleError: no loop is going on.
            TypeError: ``why`` is no text.
        """
        attempt = self._need_own("stop_epochs")
        if self.epoch is None:
            raise LifecycleError("stop_epochs outside of a loop: call it inside `for epoch in t.epochs(...)`")
        reason = as_text("why", why)
        if reason:
            attempt.journal.append(Tags(time=attempt.journal.now(), tags=as_tags({"stopped": reason})))
        self._finish_epoch(self.epoch, last=True)
        attempt.is_counted = True
        self._stopped_by = reason or ""

    def _epochs(self, count: int, start: int | None, enough: int | None) -> Iterator[int]:
        if self._attempt.bar is not None:
            raise LifecycleError(f"epoch {self.epoch} is going on: leave its loop before another begins")
        self._planned = count
        first = self._first_epoch(count) if start is None else start
        if first < count:
            self._begin_loop(first, start is not None)
        elif first:
            self._last_epoch = first - 1
        bar = self._attempt.bar = EpochBar(self._attempt.title, min(first, count), count, not self._attempt.keeps)
        journal = self._attempt.journal
        self._attempt.is_counted, self._stopped_by = False, ""
        patience = Patience(enough, self._attempt.bests) if enough else None
        try:
            for epoch in range(first, count):
                if has_come() and not self._attempt.launch:
                    return
                self.epoch = self._last_epoch = epoch
                self._left = epoch, journal.now(later=True)
                yield epoch
                if self._left:
                    why = patience.exhausted_by(epoch) if patience else ""
                    if patience and self._is_agreed(bool(why)):
                        self.stop_epochs(why)
                    else:
                        self._finish_epoch(epoch)
                bar.advance()
                if self._finished and self._finished.stopped:
                    break
            self._attempt.is_counted = True
        finally:
            self.epoch = self._attempt.bar = None
            bar.close()
            if self._stopped_by:
                say_stopped(self._attempt, self._last_epoch, self._stopped_by)

    @abstractmethod
    def _is_agreed(self, stops: bool) -> bool:
        """Whether all ranks stop, as rank 0 knows whether to."""

    def _first_epoch(self, count: int) -> int:
        """The first epoch that is not finished, at most ``count``; with a warning where the loop has nothing to do."""
        asked_before = self._finished is not None
        finished = self._known_finished()
        if finished.stopped and finished.epochs < count and self._attempt.keeps:
            more = f"epochs({count}, start={finished.epochs})"
            warn(f"epochs({count}) has nothing to do: stop_epochs ended it behind {finished.epochs}; {more} goes on")
        elif asked_before and finished.epochs >= count > 0 and self._attempt.keeps:
            more = f"epochs({finished.epochs + count})"
            warn(
                f"epochs({count}) has nothing to do: the run has finished {finished.epochs}; {more} counts {count} more"
            )
        return count if finished.stopped else min(finished.epochs, count)

    def _known_finished(self) -> Finished:
        if self._finished is None:
            self._finished = self._attempt.finished
        return self._finished

    def _begin_loop(self, first: int, is_said: bool) -> None:
        """Move what was logged before the first loop out of its epochs, and supersede what was logged of epochs that
        are done again."""
        attempt = self._attempt
        attempt.keeping.wait()  # what is being copied was before
        again = self._is_done_again(first, is_said)
        was_stopped, self._finished = self._known_finished().stopped, Finished(first)
        if not (self.is_init and attempt.keeps):
            return
        if was_stopped:
            say_goes_on(attempt.journal)
        early = self._early.begin_loop(attempt.journal, first)
        for superseded in (early, self._superseded(first) if again else None):
            if superseded:
                attempt.bests.rewind(self.directory, attempt.journal, superseded)

    def _is_done_again(self, first: int, is_said: bool) -> bool:
        """Whether epoch ``first`` was begun before: by a loop of this attempt, or in an earlier one. A run that ended
        well was not left within an epoch: what it logged behind its loop stays, unless ``start`` says otherwise."""
        finished, earlier = self._known_finished().epochs, self._attempt.earlier
        if first < finished or (self._left and self._left[0] == first):
            return True
        if earlier is None or first > finished or not (is_said or first):
            return False
        ended_well = earlier.end is not None and earlier.end.status is Status.FINISHED
        return (is_said or not ended_well) and last_step(self.directory, "epoch", earlier) >= first

    def _superseded(self, first: int) -> Superseded:
        journal = self._attempt.journal
        began: int | None = None
        if self._left and self._left[0] == first:
            began = self._left[1]
        else:
            with contextlib.suppress(OSError):  # the directory was deleted
                began = epoch_began(self.directory, first, journal.size)
        time = journal.now(later=True)
        superseded = Superseded(time=time, since=began or 0, epoch=first, only_epochs=began is None)
        journal.append(superseded)
        return superseded

    def _finish_epoch(self, epoch: int, last: bool = False) -> None:
        self._finished, self._left = Finished(epoch + 1, last), None
        if self.is_init:
            journal, sharing = self._attempt.journal, self._attempt.sharing
            finished = Epoch(time=journal.now(later=True), number=epoch, last=last, planned=self._planned)
            journal.append(finished)
            if sharing:
                sharing.finish_epoch(finished)

    @property
    def _epoch_here(self) -> int | None:
        """The epoch of what is logged here without one: behind a loop its last."""
        return self._last_epoch if self.epoch is None else self.epoch

    def _step(self, epoch: Any, axis: str) -> int:
        """The step of a record, where ``epoch`` is no plain int."""
        if type(epoch) is Counted:
            return int(epoch)
        if epoch is None and axis == "epoch" and (here := self._epoch_here) is not None:
            return here
        step = None if epoch is None else whole_number(epoch)
        if step is not None:
            return step
        before = self._steps.get(axis)
        automatic = self._first_step(axis) if before is None else min(before + 1, INT64 - 1)
        if epoch is not None:
            what = f"{axis} {shown(epoch)}"
            self._warn_once(
                "step", axis, f"{what} is no whole number of 64 bits: {automatic} is taken, and the calls are counted"
            )
        return automatic

    def _first_step(self, axis: str = "epoch") -> int:
        """The first automatic step of this attempt: 0, or the one after the last that an earlier attempt logged."""
        earlier = self._attempt.before
        return 0 if earlier is None else min(last_step(self.directory, axis, earlier) + 1, INT64 - 1)


def _as_count(name: str, value: Any) -> int:
    number = whole_number(value)
    if number is None or number < 0:
        raise ValueError(f"{name} must be a whole number of epochs from 0 on, as 20; got {shown(value)}")
    return number
