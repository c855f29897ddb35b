"""What a rank says for all ranks: metrics of which one value is made, without waiting for anybody; and what they decide
together."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Mapping
from typing import Any

from .._journal.agreed import Agreed
from .._journal.rank_ends import why_gone
from .._journal.records import Contribution, Reduction
from .._journal.shares import put_together
from .._values.arguments import INT64
from .._values.flat import clean
from .._values.gathering import Part, parts_of
from .._values.mappings import as_mapping
from .._values.numbers import seconds
from ..errors import RanksUnavailable
from .agreeing import Agreement
from .attempt import Attempt
from .epochs import EpochWords
from .options import need_reduction
from .sharing import as_said
from .stores import store_there

_without_run = itertools.count()  # of all runs of this process that are kept nowhere


class RankWords(EpochWords):
    """Says something together with the other ranks."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._agreements = itertools.count()
        self._agreed: Agreement | None = None

    def agree(
        self, values: Mapping[str, Any], *, ranks: Reduction = "mean", timeout: float = 300.0
    ) -> dict[str, float]:
        """Combine values over all ranks, and give every rank the same result: for what they must decide alike. ::

            val = t.agree({"loss": loss})["loss"]  # the mean over the ranks
            if t.agree({"stop": t.preempted}, ranks="max")["stop"]:  # has any of them got the signal?
                break

        It blocks: each rank must call it as often as the others, and waits for them. They exchange values by PyTorch's
        store or by JAX's, where the program has initialised it, else by files in the run's directory; never by a
        collective, which a missing rank would leave hanging or broken. Nothing is logged.

        Args:
            values: names to numbers, as ``log`` takes them; a :class:`Metrics` brings its weights. A name that only
                some ranks have is combined over those.
            ranks: how the ranks' values become one, as for :class:`tracking`; ``"first"`` gives all of them rank 0's.
            timeout: seconds to wait for the other ranks.

        Returns:
            A flat dict of names to floats, the same on all ranks.

        Raises:
            RanksUnavailable: on every rank that calls it: one did not come in time, or is gone.
            LifecycleError: the run has not begun, or has ended.
            TypeError: a value or ``timeout`` is no number.
            ValueError: ``ranks`` is none of the words that it may be.
        """
        attempt = self._need_own("agree")
        need_reduction(ranks)
        timeout = seconds("timeout", timeout)
        found = as_mapping(values)
        numbers, skipped = clean({} if found is None else found)
        wrong = "; ".join(f"{key}: {why}" for key, why in skipped)
        if found is None:
            wrong = f"values must map names to numbers, as {{'loss': loss}}; got {type(values).__name__}"
        if wrong:
            with contextlib.suppress(RanksUnavailable):
                if agreement := self._agreement(timeout):
                    agreement.refuse(f"rank {attempt.rank} said what is no number ({wrong})")
            raise TypeError(f"agree takes numbers: {wrong}")
        agreement = self._agreement(timeout)
        metrics, hows, weights = as_said(numbers, ranks, parts_of(found))
        own = Contribution(time=0, axis="", step=0, metrics=metrics, how=ranks, hows=hows, weights=weights)
        if agreement is None:
            return put_together({0: own})
        agreed = agreement.of(own)
        if attempt.rank == 0:  # all have come, so all have what was agreed before
            if self._agreed:
                self._agreed.forget()
            self._agreed = agreement
        return agreed

    def _is_agreed(self, stops: bool) -> bool:
        attempt = self._attempt
        if not (attempt.launch or attempt.rank):
            return stops
        return bool(self.agree({"stops": stops}, ranks="first")["stops"])

    def _agreement(self, timeout: float) -> Agreement | None:
        """The next one; None where there is nobody else.

        Raises:
            RanksUnavailable: there is nothing by which ranks could tell each other.
        """
        attempt = self._attempt
        begin = attempt.sharing.begin if attempt.sharing else None
        if attempt.size == 1 or not (attempt.size or attempt.launch or attempt.rank):
            return None
        if attempt.size is None:
            raise RanksUnavailable("nobody says how many ranks there are: agree needs a launcher that does")
        store = store_there() or (Agreed(self.directory) if begin else None)
        if store is None:
            raise RanksUnavailable(
                f"rank {attempt.rank} is in no run that all ranks see, and neither torch.distributed nor "
                "jax.distributed is initialised: there is nothing by which the ranks could tell each other"
            )
        run = f"{begin.uid}/{begin.attempt}" if begin else "none"
        numbers = self._agreements if begin else _without_run
        return Agreement(
            store,
            f"tracklib/{run}/{next(numbers)}",
            attempt.rank,
            attempt.size,
            timeout,
            functools.partial(why_gone, self.directory, begin) if begin else lambda rank: "",
        )

    def _shared(self, ranks: Reduction | None) -> Reduction | None:
        """What is made of what is said now over all ranks that share something; None where it is rank 0's alone."""
        how = ranks or self._attempt.options.ranks
        return None if how == "first" else how

    def _share(
        self, epoch: Any, log_dict: Mapping[Any, Any], axis: str, how: Reduction, parts: Mapping[str, Part]
    ) -> None:
        """As :meth:`log`, for all ranks. Each rank makes numbers of its own values."""
        attempt = self._need_open("log")
        values, skipped = clean(log_dict)
        step = epoch if type(epoch) is int and -INT64 <= epoch < INT64 else self._step(epoch, axis)
        self._steps[axis] = step
        if attempt.bests.modes:
            attempt.bests.see_shared(values)
        if values and attempt.sharing:
            if not attempt.sharing.say(axis, step, values, how, parts):
                why = "no file can be made in the run's directory"
                self._warn_once("ranks", "", f"what rank {attempt.rank} says for all ranks is not kept: {why}")
            if bar := attempt.bar:
                bar.show(values)
        if attempt.keeps:
            for key, why in skipped:
                self._warn_once("value", f"{key}: {why}", f"metric {key!r} is not logged: {why}")
