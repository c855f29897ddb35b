"""Numbers as the page takes them: little-endian floats in base64, each array once."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Sequence

_FLOAT32_MAX = 3e38
_FLOAT32_MIN = 1e-37
_FEW = 8


class Arrays:
    """The arrays of a page. Runs share steps, and a run's metrics share times: what is equal is kept once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, values: Sequence[float] | None) -> int:
        """Where ``values`` are in :attr:`texts`; -1 for none."""
        if values is None:
            return -1
        text = packed(values)
        place = self._places.setdefault(text, len(self.texts))
        if place == len(self.texts):
            self.texts.append(text)
        return place


def packed(values: Sequence[float]) -> str:
    """``r:first:step:count`` for even steps, with ``:head:tail`` behind it where these stand around them (a curve's
    outermost points are the first and the last record); else base64 of floats behind ``f4:``, or ``f8:`` where four
    bytes would show in a chart."""
    if (even := _even(values)) is not None:
        return even
    if len(values) > _FEW and (even := _even(values[1:-1])) is not None and _are_whole(values[0], values[-1]):
        return f"{even}:{int(values[0])}:{int(values[-1])}"
    code, name = ("f", "f4") if _fits_in_four_bytes(values) else ("d", "f8")
    numbers = array(code, values)
    if sys.byteorder == "big":  # pragma: no cover  # no such machine runs the tests
        numbers.byteswap()
    return f"{name}:{base64.b64encode(numbers).decode()}"


def _even(values: Sequence[float]) -> str | None:
    count = len(values)
    if count == 0:
        return "r:0:1:0"
    first = values[0]
    step = values[1] - first if count > 1 else 1
    if first % 1 or step % 1 or values[-1] != first + step * (count - 1) or abs(values[-1]) > 2**53:
        return None
    if not step:
        return None
    steps = range(int(first), int(first + step * count), int(step))
    is_even = all(map(float.__eq__, map(float, values), map(float, steps)))
    return f"r:{int(first)}:{int(step)}:{count}" if is_even else None


def _are_whole(*values: float) -> bool:
    return all(value % 1 == 0 and abs(value) <= 2**53 for value in values)


def _fits_in_four_bytes(values: Sequence[float]) -> bool:
    """Whether rounding to 24 bits moves no point by more than a thousandth of what the values span."""
    total = sum(values)
    finite = values if total - total == 0 else [value for value in values if value - value == 0]
    if not finite:
        return True
    low, high = min(finite), max(finite)
    size = max(-low, high)
    if size > _FLOAT32_MAX or (size and size < _FLOAT32_MIN):
        return False
    return high == low or size * 2**-24 <= (high - low) / 1000
