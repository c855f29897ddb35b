"""Metrics: what happens inside an epoch, gathered to one number for each name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from .._common.warn import warn
from .flat import Skipped, clean
from .mappings import as_mapping
from .numbers import need_unmasked_tensor, to_float

How = Literal["mean", "sum", "min", "max", "last"]


class Part(NamedTuple):
    """What a gathered value is made of: the ``total`` of a ``weight``, where it is a mean. What ranks gathered is put
    together ``how`` one rank's batches were; of what is the last, the first rank's is taken."""

    how: Literal["mean", "sum", "min", "max", "first"]
    total: float
    weight: float


class Metrics(Mapping[str, float]):
    """Gathers metrics over the batches of an epoch. It is a mapping, so that returning it is enough::

        @tracked
        def train_epoch(model, data, epoch):
            metrics = Metrics(lr="last", grad_norm="max")
            for batch in data:
                loss, accuracy = step(model, batch)
                metrics.add({"loss": loss, "accuracy": accuracy}, weight=len(batch))
            return metrics

    A tensor stays on its device: nothing waits for the device until the mapping is read at the end, and then once
    for each name. Tensors are summed in float64, or in float32 where the device has no better.
    A NaN makes a mean, sum, minimum or maximum NaN.

    Args:
        how: how the values of a name become one: ``"mean"`` (weighted), ``"sum"``, ``"min"``, ``"max"`` or
            ``"last"``. A name that is not given here has its mean. A mapping is for names that cannot be keywords:
            ``Metrics({"val/lr": "last"})``.
        hows: the same, for names that can: ``Metrics(lr="last")``.

    Raises:
        ValueError: another word is given.
    """

    def __init__(self, how: Mapping[str, How] | None = None, /, **hows: How) -> None:
        self._how: dict[str, How] = {**(how or {}), **hows}
        for name, word in self._how.items():
            if word not in get_args(How):
                raise ValueError(f"{name}={word!r} must be one of {', '.join(get_args(How))}")
        self._gathered: dict[str, Any] = {}  # floats, and tensors on their devices
        self._weights: dict[str, Any] = {}
        self._warned: set[str] = set()

    def add(self, values: Mapping[str, Any], /, *, weight: Any = 1.0) -> None:
        """Add one batch's values.

        Args:
            values: names to numbers of any package, or scalar tensors, nested as ``log`` takes them. For the epoch's
                mean, give the batch's mean. What is no single number is passed over, with one warning a name.
            weight: how much the batch counts in a mean: the number of its samples. A scalar tensor stays on its
                device, too. If all weights are 0, the mean is NaN.

        Raises:
            TypeError: ``values`` is no mapping.
            ValueError: ``weight`` is negative, NaN or infinite.
        """
        found = as_mapping(values)
        if found is None:
            raise TypeError(f"values must map names to numbers, as {{'loss': loss}}; got {type(values).__name__}")
        weight = _as_weight(weight)
        numbers, skipped = clean(found, _on_device)
        for name, value in numbers.items():
            try:
                self._gather(name, value, weight)
            except Exception as error:  # tensors of two devices
                skipped.append(Skipped(name, str(error)))
        for name, why in skipped:
            if name not in self._warned:
                self._warned.add(name)
                warn(f"metric {name!r} is not gathered: {why}")

    def _gather(self, name: str, value: Any, weight: Any) -> None:
        how = self._how.get(name, "mean")
        if how == "mean":  # of a batch that weighs nothing, not even a NaN counts
            value = 0.0 if type(weight) is float and weight == 0 else value * weight
        gathered = self._gathered.get(name)
        self._gathered[name] = value if gathered is None else _GATHER[how](gathered, value)
        if how == "mean":
            self._weights[name] = self._weights.get(name, 0.0) + weight

    def __getitem__(self, name: str) -> float:
        value = self._gathered[name] = to_float(self._gathered[name])  # a device is asked once
        if name not in self._weights:
            return value
        weight = self._weights[name] = to_float(self._weights[name])
        return value / weight if weight else math.nan

    def _parts(self) -> dict[str, Part]:
        """What each value is made of."""
        parts: dict[str, Part] = {}
        for name, value in self.items():
            how = self._how.get(name, "mean")
            parts[name] = (
                Part("mean", self._gathered[name], self._weights[name])
                if how == "mean"
                else Part("first" if how == "last" else how, value, 1.0)
            )
        return parts

    def __iter__(self) -> Iterator[str]:
        return iter(self._gathered)

    def __len__(self) -> int:
        return len(self._gathered)

    def __repr__(self) -> str:
        return f"Metrics({dict(self)})"


def parts_of(found: Any, prefix: str = "") -> dict[str, Part]:
    """What the gathered values in ``found`` are made of, by their flat names: of a :class:`Metrics`, by itself, in a
    mapping or in a tuple. Of two with one name, the first's."""
    if isinstance(found, Metrics):
        return {prefix + name: part for name, part in found._parts().items()}
    parts: dict[str, Part] = {}
    if type(found) is dict:
        for key, value in found.items():
            if isinstance(key, str) and isinstance(value, Metrics | dict):
                parts |= parts_of(value, f"{prefix}{key}/")
    elif type(found) is tuple:
        for each in reversed(found):
            parts |= parts_of(each, prefix)
    return parts


def _as_weight(weight: Any) -> Any:
    try:
        weight = _on_device(weight)
    except Exception:
        weight = -1.0
    if type(weight) is float and not 0 <= weight < math.inf:
        raise ValueError("weight must be a finite number from 0 on: the batch's size, in samples")
    return weight


def _on_device(value: Any) -> Any:
    """A number as a float; a scalar tensor still on its device, without its history, wide enough to be summed up.

    Raises:
        Exception: it is no single number.
    """
    if callable(getattr(value, "detach", None)):  # torch
        need_unmasked_tensor(value)
        scalar = value.detach().reshape(())
        wide = _wide(scalar)
        return wide.clone() if wide is scalar else wide  # the user may go on writing into it
    if callable(getattr(value, "devices", None)):  # jax, whose arrays are computed in the background
        return value.reshape(()).astype(float)
    return to_float(value)


def _wide(tensor: Any) -> Any:
    try:
        return tensor.double()
    except Exception:  # Apple's GPUs, and some of Intel's, have no float64
        return tensor.float()


def _extreme(pick: Callable[[float, float], float], bound: str) -> Callable[[Any, Any], Any]:
    def take(gathered: Any, value: Any) -> Any:
        if type(gathered) is not float:
            return gathered.clip(**{bound: value})
        if type(value) is not float:
            return value.clip(**{bound: gathered})
        return gathered + value if math.isnan(gathered + value) else pick(gathered, value)

    return take


_GATHER: dict[How, Callable[[Any, Any], Any]] = {
    "mean": lambda gathered, value: gathered + value,
    "sum": lambda gathered, value: gathered + value,
    "min": _extreme(min, "max"),
    "max": _extreme(max, "min"),
    "last": lambda gathered, value: value,
}
