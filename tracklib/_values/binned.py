"""Arrays and tensors of any package, in at most 64 bins. Of a tensor on a device, the counts alone leave it."""

from __future__ import annotations

import contextlib
import importlib
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .._common.secrets import error_text
from .mappings import type_name
from .numbers import TEXT, need_unmasked_tensor

BINS = 64
_PIECE, _ON_DEVICE = 2**13, 2**22  # values at once: what is made of so many stays in the cache, and in one thread
_HUGE = 1e150  # its square is no float
_GREATEST = 1.7976931348623157e308
_HALVES = 2.0**52  # a float from here on has none
_DEPTH = 8


class Binned(NamedTuple):
    """How values are distributed: ``counts`` of equally wide bins from ``low`` to ``high``, and what all come to.
    ``odd`` are the NaNs and infinities, which are in nothing else."""

    low: float
    high: float
    counts: list[int]
    min: float
    max: float
    mean: float
    std: float
    odd: int


def binned(values: Any) -> Binned | str:
    """The distribution of ``values``; in words why there is none.

    Args:
        values: an array or tensor of real numbers, of any shape, a list of numbers, or a list of such, in which None
            counts as nothing.
    """
    try:
        arrays = list(_arrays(values, 0))
        numpy = sys.modules.get("numpy")
        with numpy.errstate(all="ignore") if numpy else contextlib.nullcontext():
            return _binned(arrays)
    except Exception as error:
        reason = error_text(error)
        return reason if isinstance(error, _NoNumbers) else f"{type_name(type(values))}: {reason}"


class _NoNumbers(Exception):
    """Why, in words."""


class _Array:
    """A flat array of numpy's, or a tensor that is on a device, looked at in pieces."""

    def __init__(self, flat: Any, package: Any, is_whole: bool) -> None:
        self.flat, self.package, self.is_whole = flat, package, is_whole
        self._has_odd = True

    def __len__(self) -> int:
        return len(self.flat)

    def finite(self) -> Iterator[Any]:
        """What is finite of each piece, where there is any."""
        size = _PIECE if self.package.__name__ == "numpy" else _ON_DEVICE
        has_odd = False
        for start in range(0, len(self.flat), size):
            piece = _precise(self.flat[start : start + size])
            if self._has_odd and not (math.isfinite(float(piece.min())) and math.isfinite(float(piece.max()))):
                piece = piece[self.package.isfinite(piece)]
                has_odd = True
            if len(piece):
                yield piece
        self._has_odd = has_odd


def _precise(piece: Any) -> Any:
    if not hasattr(piece, "detach"):
        return piece.astype("float64")
    return piece.float() if piece.device.type == "mps" else piece.double()  # which has no better


def _arrays(values: Any, depth: int) -> Iterator[_Array]:
    if depth > _DEPTH:
        raise _NoNumbers("it is nested too deeply")
    if isinstance(values, (*TEXT, Mapping)):
        raise _NoNumbers(f"{type_name(type(values))} is no array of numbers")
    if hasattr(values, "detach"):
        yield _of_tensor(values)
    elif hasattr(values, "__array__") or not isinstance(values, Iterable):
        yield _of_array(values)
    else:
        items = [item for item in values if item is not None]
        if all(isinstance(item, float | int) for item in items):
            yield _of_array(items)
        else:
            for item in items:
                yield from _arrays(item, depth + 1)


def _of_tensor(tensor: Any) -> _Array:
    need_unmasked_tensor(tensor)
    tensor = tensor.detach()
    if tensor.is_complex():
        raise _NoNumbers("its numbers are complex")
    torch = importlib.import_module("torch")
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    flat, is_whole = tensor.reshape(-1), not tensor.is_floating_point()
    if flat.device.type == "cpu":
        with contextlib.suppress(ImportError, RuntimeError):  # torch was built without numpy, or there is none
            flat = flat if is_whole or flat.dtype in (torch.float32, torch.float64) else flat.float()
            return _Array(flat.numpy(), importlib.import_module("numpy"), is_whole)
    return _Array(flat, torch, is_whole)


def _of_array(values: Any) -> _Array:
    try:
        numpy = importlib.import_module("numpy")
    except ImportError:
        raise _NoNumbers("it needs numpy: pip install numpy") from None
    array = values.compressed() if hasattr(values, "compressed") else numpy.asarray(values)
    if array.dtype.kind in "cmMUS":
        raise _NoNumbers(f"{type_name(type(values))} is of {array.dtype}, no real numbers")
    return _Array(array.reshape(-1), numpy, array.dtype.kind in "biu")


def _binned(arrays: list[_Array]) -> Binned:
    finite, least, most = 0, math.inf, -math.inf
    for array in arrays:
        for piece in array.finite():
            finite += len(piece)
            least, most = min(least, float(piece.min())), max(most, float(piece.max()))
    total = sum(map(len, arrays))
    if not total:
        raise _NoNumbers("it has no values")
    if not finite:
        return Binned(0.0, 0.0, [], 0.0, 0.0, 0.0, 0.0, total)
    unit = _unit(max(abs(least), abs(most)))
    low, high, bins = _edges(least / unit, most / unit, all(array.is_whole for array in arrays))
    mean = sum(float((piece / unit).sum()) / finite for array in arrays for piece in array.finite())
    counts, squares = [0] * bins, 0.0
    for array in arrays:
        for piece in array.finite():
            apart = piece / unit - mean
            squares += float(apart @ apart)
            found = _counted(array.package, (apart + (mean - low)) * (bins / (high - low)), bins)
            counts = [a + b for a, b in zip(counts, found, strict=True)]
    std = math.sqrt(squares / finite)
    low, high, mean, std = (min(max(value * unit, -_GREATEST), _GREATEST) for value in (low, high, mean, std))
    low, high = min(low, least), max(high, most)  # as the unit rounds
    return Binned(low, high, counts, least, most, mean, std, total - finite)


def _unit(most: float) -> float:
    """What the values are measured in, so that no square is too large or too small for a float."""
    return most if most > _HUGE or 0 < most < 1 / _HUGE else 1.0


def _counted(package: Any, numbers: Any, bins: int) -> list[int]:
    """How many of ``numbers`` are in each bin, the first being from 0 to 1; the last one has its upper edge."""
    whole = numbers.long() if hasattr(numbers, "long") else numbers.astype("int64")
    counts: list[int] = package.bincount(whole.clip(0, bins - 1), minlength=bins).tolist()
    return counts


def _edges(least: float, most: float, is_whole: bool) -> tuple[float, float, int]:
    """From where to where the bins are, and how many. Few whole numbers have one each."""
    if is_whole and most - least < BINS and max(-least, most) < _HALVES:
        return least - 0.5, most + 0.5, int(most - least) + 1
    if (most - least) / BINS > 0:
        return least, most, BINS
    half = max(0.5, abs(least) / 1000)  # of a great number, a half more is the number itself
    return least - half, most + half, 1
