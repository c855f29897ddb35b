"""Metrics: what happens inside an epoch, gathered to one number for each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from ._values import to_float

How = Literal["mean", "sum", "min", "max", "last"]
_HOW = ("mean", "sum", "min", "max", "last")


class Metrics(Mapping[str, float]):
    """Gathers metrics over the batches of an epoch. It is a mapping, so that returning it is enough::

        @tracked
        def train_epoch(model, data, epoch):
            metrics = Metrics(lr="last", grad_norm="max")
            for batch in data:
                loss, accuracy = step(model, batch)
                metrics.add({"loss": loss, "accuracy": accuracy}, weight=len(batch))
            return metrics

    A tensor stays on its device: nothing waits for the device until the mapping is read, once, at the
    end. Sums of tensors are kept in float64, or in float32 where the device has no better.

    Args:
        how: for each name, what is made of its values: ``"mean"`` (weighted), ``"sum"``, ``"min"``,
            ``"max"`` or ``"last"``. A name that is not given here has its mean.

    Raises:
        ValueError: another word is given.
    """

    def __init__(self, how: Mapping[str, How] | None = None, /, **hows: How) -> None:
        self._how: dict[str, How] = {**(how or {}), **hows}
        for name, word in self._how.items():
            if word not in _HOW:
                raise ValueError(f"{name}={word!r} must be one of {', '.join(_HOW)}")
        self._held: dict[str, Any] = {}
        self._weights: dict[str, float] = {}

    def add(self, values: Mapping[str, Any], /, *, weight: float = 1.0) -> None:
        """Take one batch's values: numbers, or scalar tensors of any package.

        Args:
            values: names to numbers, each the batch's mean where the epoch's mean is wanted.
            weight: how much the batch counts in a mean: its size, in samples.

        Raises:
            TypeError: ``values`` is no mapping.
            ValueError: ``weight`` is no number from 0 on.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"values must map names to numbers, as {{'loss': loss}}; got {type(values).__name__}")
        if not weight >= 0:
            raise ValueError(f"weight={weight!r} must be a number from 0 on: the batch's size, in samples")
        for name, value in values.items():
            self._take(str(name), _detached(value), weight)

    def _take(self, name: str, value: Any, weight: float) -> None:
        how = self._how.get(name, "mean")
        if how == "mean":
            self._weights[name] = self._weights.get(name, 0.0) + weight
            value = value * weight
        held = self._held.get(name)
        self._held[name] = value if held is None else _TAKE[how](held, value)

    def __getitem__(self, name: str) -> float:
        held = to_float(self._held[name])
        if self._how.get(name, "mean") != "mean":
            return held
        weight = self._weights[name]
        return held / weight if weight else float("nan")

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"Metrics({dict(self)})"


def _detached(value: Any) -> Any:
    """A number, or a tensor without its history and wide enough to be summed up, still on its device."""
    if isinstance(value, int | float):
        return float(value)
    if callable(getattr(value, "detach", None)):  # torch
        value = value.detach()
        return value.float() if getattr(value.device, "type", "") == "mps" else value.double()
    if hasattr(value, "devices"):  # jax, which computes in the background too
        return value
    return to_float(value)


def _least(held: Any, value: Any) -> Any:
    if isinstance(held, float) and isinstance(value, float):
        return value if value < held or value != value else held
    tensor, other = (value, held) if isinstance(held, float) else (held, value)
    return tensor.clip(max=other)


def _most(held: Any, value: Any) -> Any:
    if isinstance(held, float) and isinstance(value, float):
        return value if value > held or value != value else held
    tensor, other = (value, held) if isinstance(held, float) else (held, value)
    return tensor.clip(min=other)


_TAKE: dict[str, Callable[[Any, Any], Any]] = {
    "mean": lambda held, value: held + value,
    "sum": lambda held, value: held + value,
    "min": _least,
    "max": _most,
    "last": lambda held, value: value,
}
