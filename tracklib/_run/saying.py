"""What a run can say in words and numbers: each call is one record in its journal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from .._common.warn import warn
from .._journal.journal import Journal
from .._journal.records import Best, Log, Params, Reduction, Tags
from .._values.arguments import INT64, as_axis, as_params, as_tags
from .._values.flat import clean
from .._values.gathering import parts_of
from .._values.habits import as_written_elsewhere
from .._values.mappings import as_mapping
from ..errors import TrackerWarning
from .among_ranks import RankWords
from .attempt import Attempt
from .early import Counted
from .life import Life
from .options import need_reduction

_OPEN = Life.OPEN  # a member of an enum takes longer to look up


class RunLog(RankWords):
    """Logs metrics, params and tags."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._silent: set[str] = set()  # tracked functions that returned None
        self._moment = 0
        self._steps_now: set[int] = set()  # of the records of this millisecond

    def _wonder(self) -> None:
        """At the end of a block: say what looks forgotten. What a filter makes of the warning must not keep the run
        from its end."""
        if not self._attempt.keeps or not self.is_init:
            return
        has_logged = any(axis != "system" for axis in self._steps)
        told = self._attempt.bests.missing() if has_logged else []
        if self._silent and not has_logged:
            names = ", ".join(sorted(self._silent)[:3])
            told.append(f"no metric was logged: {names} returned None, is a `return` forgotten?")
        for each in told:
            with contextlib.suppress(TrackerWarning):
                warn(each)

    @property
    def best(self) -> dict[str, Best]:
        """The best value so far of each metric that the run's option ``best`` names: name to
        :class:`~tracklib.Best`. Empty on a rank other than 0."""
        return self._attempt.bests.found

    def log(
        self,
        epoch: Any = None,
        log_dict: Any = None,
        *,
        axis: str = "epoch",
        ranks: Reduction | None = None,
        **metrics: Any,
    ) -> None:
        """Log metrics::

            t.log(epoch, {"loss": 0.1, "val": {"accuracy": 0.9}})  # ``loss`` and ``val/accuracy``

        When it returns, they are in the run's journal, and survive the process.

        Args:
            epoch: a whole number (int, numpy, a tensor ...) of 64 bits; epochs may repeat, go back and be negative.
                None takes the current epoch of :meth:`epochs`, after its loop the last one; without a loop, and on
                another axis, one more than the last on this axis, from 0 on.
            log_dict: names to numbers of any package (Python, numpy, torch, a tensor of one element ...), nested as
                you like: nested names are joined by ``/``. What is no number is passed over, with one warning a name.
            axis: what ``epoch`` counts: ``t.log(step, {...}, axis="step")``.
            ranks: how the ranks' values become one, as for :class:`tracking`; None does as the run's option says.
            metrics: as users of other trackers write it: ``t.log({"loss": 0.1})``, ``t.log({"loss": 0.1}, step=3)`` and
                ``t.log(0, loss=0.1)`` mean what they say.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            NotFinite: a metric for which the run's option ``on_nan`` says ``"stop"`` is NaN or infinite; it is logged
                all the same.
            TypeError: ``log_dict`` is no mapping, or ``axis`` no text.
            ValueError: ``ranks`` is none of the words that it may be.
        """
        attempt = self._attempt
        if attempt.life is not _OPEN:
            self._need_open("log")
        if metrics or log_dict is None or (type(epoch) is not int and isinstance(epoch, Mapping)):
            epoch, log_dict = as_written_elsewhere(epoch, log_dict, metrics)
        if type(log_dict) is not dict and not isinstance(log_dict, Mapping):  # to ask an abstract class takes longer
            found = as_mapping(log_dict)
            if found is None:
                got = type(log_dict).__name__
                raise TypeError(f"log_dict must map names to numbers, as {{'loss': 0.1}}; got {got}")
            log_dict = found
        if type(axis) is not str or len(axis) > 200:
            axis = as_axis(axis)
        if ranks is not None and ranks != "first":
            need_reduction(ranks)
        if attempt.sharing is not None and (how := self._shared(ranks)):
            self._share(epoch, log_dict, axis, how, parts_of(log_dict))
            self._see_guarded(epoch, log_dict, axis)
            return
        if not attempt.keeps:
            self._see_guarded(epoch, log_dict, axis)  # rank 0 would else end alone
            return  # nothing more is looked at: to make a number of a tensor waits for its device
        journal = attempt.journal
        values, skipped = clean(log_dict)
        step = epoch if type(epoch) is int and -INT64 <= epoch < INT64 else self._step(epoch, axis)
        self._steps[axis] = step
        if values:
            record = Log(time=self._time_of(step, journal), axis=axis, step=step, metrics=values)
            journal.append(record)
            if self._early.waits and axis == "epoch":
                self._early.note(record, not (epoch is None or type(epoch) is Counted))
            bar = attempt.bar  # a loop may end meanwhile, in another thread
            if bar and axis != "system":
                bar.show(values)
            if attempt.bests.modes:
                attempt.bests.see(values, axis, step, journal)
            if attempt.guards.actions:
                attempt.guards.see(values, axis, step, journal)
        for key, why in skipped:
            self._warn_once("value", f"{key}: {why}", f"metric {key!r} is not logged: {why}")

    def _see_guarded(self, epoch: Any, log_dict: Mapping[Any, Any], axis: str) -> None:
        """Look at the own values of what may end the run, where this process does not keep them."""
        guards = self._attempt.guards
        if guards.stops:
            here = self._epoch_here if axis == "epoch" else None
            guards.see_elsewhere(log_dict, axis, here if epoch is None else epoch)

    def _time_of(self, step: int, journal: Journal) -> int:
        """When a record of ``step`` is made. Two of one step differ in it, so that MLflow keeps both."""
        time = journal.now()
        if time == self._moment:
            if step not in self._steps_now:
                self._steps_now.add(step)
                return time
            time = journal.now(later=True)
        self._moment, self._steps_now = time, {step}
        return time

    def log_params(self, params: Any) -> None:
        """Log hyperparameters, such as ``t.log_params({"lr": 1e-3, "model": {"width": 128}})``. A name that comes again
        has the newer value (MLflow, where a param cannot change, gets it as ``<name>.v2``).

        Args:
            params: a mapping (omegaconf's, too), a dataclass, a named tuple, an ``argparse.Namespace``, or an object
                of attrs, pydantic or msgspec, nested as you like. Values under names such as ``api_key`` are masked.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``params`` is none of these.
        """
        journal = self._need_open("log_params").journal
        leave_out = tuple(self._attempt.options.leave_out)
        journal.append(Params(time=journal.now(), params=as_params(params, leave_out)))

    def log_tags(self, tags: Mapping[str, Any] | Iterable[str]) -> None:
        """Set tags: ``t.log_tags(["baseline"])``, ``t.log_tags({"dataset": "digits"})``.

        Args:
            tags: bare words, or a mapping of names to values, which are kept as texts.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``tags`` is neither.
        """
        journal = self._need_open("log_tags").journal
        journal.append(Tags(time=journal.now(), tags=as_tags(tags)))
