"""Early stopping: whether a best value has come lately."""

from __future__ import annotations

from .._values.arguments import shown, whole_number
from .best import Bests


class Patience:
    """Counts the epochs since a best value of any of the metrics came, in this attempt or an earlier one.

    As long as none ever came it does not count: a metric that is not logged stops no training.

    Args:
        epochs: how many without a best value are enough.
        bests: the run's.
    """

    def __init__(self, epochs: int, bests: Bests) -> None:
        self._epochs = epochs
        self._bests = bests
        self._values = {name: best.value for name, best in bests.found.items()}
        self._came: dict[str, int] = {}  # the epoch at which the best value of another axis came

    def exhausted_by(self, epoch: int) -> str:
        """Why ``epoch`` is the last one, in words; empty where it is not."""
        newest = max([self._epoch_of(name, epoch) for name in self._bests.found], default=epoch)
        if epoch - newest < self._epochs:
            return ""
        names = " or ".join(self._bests.found)
        return f"no better {names} since epoch {newest}"

    def _epoch_of(self, name: str, epoch: int) -> int:
        """When the best value of a metric came. That of another axis is known to within the epoch that is over; in an
        earlier attempt, it came right before this loop, for all that is known."""
        best = self._bests.found[name]
        if best.axis == "epoch":
            return best.step
        if name not in self._came or self._values.get(name) != best.value:
            self._came[name], self._values[name] = epoch, best.value
        return self._came[name]


def need_patience(value: object, bests: Bests, knows_others: bool) -> int:
    """``value`` as a number of epochs.

    Args:
        value: as it was told.
        bests: the run's.
        knows_others: whether rank 0 has the metrics when an epoch is over, and the other ranks, if there are any, can
            be told what it decides.

    Raises:
        ValueError: it is none, or nobody can tell here what is best.
    """
    epochs = whole_number(value)
    if epochs is None or epochs < 1:
        raise ValueError(f"patience must be a whole number of epochs from 1 on, as 5; got {shown(value)}")
    if not bests.modes:
        raise ValueError(
            f"patience={epochs} needs to know what is better: name the metric in the run's option best, as "
            "tracking(..., best={'val/loss': 'min'})"
        )
    if not knows_others:
        raise ValueError(
            f"patience={epochs} would end the loop on rank 0 alone: with ranks='mean' and the like a metric is known "
            "only when all ranks are past its epoch, and without a launcher nobody knows how many ranks there are. Let "
            "all decide by t.agree({'loss': loss}), and each call t.stop_epochs()"
        )
    return epochs
