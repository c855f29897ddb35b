"""How values are distributed, said at a step: weights, gradients, activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._journal.records import Histogram
from .._values.arguments import as_axis
from .._values.binned import Binned, binned
from .._values.flat import clean
from .._values.mappings import as_mapping
from .epochs import EpochWords


class DistributionWords(EpochWords):
    """Says distributions."""

    def log_histogram(self, epoch: Any, values: Any, *, axis: str = "epoch") -> None:
        """Log how values are distributed: for each name a histogram of at most 64 bins, with minimum, maximum, mean and
        standard deviation::

            grads = [p.grad for p in model.parameters()]
            t.log_histogram(epoch, {"weights": model.parameters(), "grad": grads})

        Values are counted during the call, in about 10 ns each; a tensor on a device is counted there. A few different
        whole numbers (labels, say) get a bin each. NaN and the infinities are counted apart, in no bin.

        Args:
            epoch: a whole number. None takes the current epoch of :meth:`epochs`, else the last step on this axis.
            values: names to arrays or tensors of real numbers, of any package and shape, to lists of numbers, or to
                lists of arrays, in which None is passed over; nested as in :meth:`log`. What has no numbers is passed
                over, with one warning a name.
            axis: what ``epoch`` counts.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``values`` is no mapping, or ``axis`` no text.
        """
        attempt = self._need_open("log_histogram")
        found = values if isinstance(values, Mapping) else as_mapping(values)
        if found is None:
            got = type(values).__name__
            raise TypeError(f"log_histogram takes names and their values, as {{'grad': gradients}}; got {got}")
        axis = as_axis(axis)
        if not attempt.keeps:
            return
        journal = attempt.journal
        step = self._beside(epoch, axis)
        distributions, passed_over = clean(found, binned)
        skipped: list[tuple[str, str]] = [*passed_over]
        for name, each in distributions.items():
            each = binned(each) if isinstance(each, float) else each
            if isinstance(each, Binned):
                journal.append(Histogram(time=journal.now(), axis=axis, step=step, name=name, **each._asdict()))
            else:
                skipped.append((name, each))
        for name, why in skipped:
            self._warn_once("histogram", f"{name}: {why}", f"histogram {name!r} is not logged: {why}")

    def _beside(self, epoch: Any, axis: str) -> int:
        """The step of ``epoch``; of None the one that is going on, as nothing is counted by a histogram."""
        if epoch is None and (axis != "epoch" or self._epoch_here is None) and axis in self._steps:
            return self._steps[axis]
        return self._step(epoch, axis)
