"""What boosting libraries keep of each round, as records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .held import Held

Evals = Mapping[str, Mapping[str, Sequence[Any]]]


class Rounds:
    """Logs the rounds of one fit, each once: a library may pass over a callback in the last one.

    Args:
        first: the round that the fit begins with.
    """

    def __init__(self, held: Held, first: int = 0) -> None:
        self._held, self._first, self._done = held, first, 0
        self._evals: Evals = {}

    def see(self, evals: Evals) -> None:
        """Log what is new in ``evals``, which holds the values of all rounds by data set and metric."""
        self._evals = evals
        self.catch_up()

    def catch_up(self) -> None:
        """Log what came since :meth:`see`."""
        rounds = max((len(values) for metrics in self._evals.values() for values in metrics.values()), default=0)
        for number in range(self._done, rounds):
            self._held.log(self._first + number, self._row(number), "round")
        self._done = rounds

    def _row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for data, metrics in self._evals.items():
            for metric, values in metrics.items():
                if number < len(values):
                    row |= spread(f"{data}/{metric}", values[number])
        return row


def spread(name: str, value: Any) -> dict[str, Any]:
    """A metric; of a cross-validation, its mean and its deviation."""
    return {name: value[0], f"{name}-std": value[1]} if isinstance(value, tuple) else {name: value}
