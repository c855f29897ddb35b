"""One number out of a scalar of any package. No array or tensor package is imported: a scalar is asked by ``item()``
or ``__float__``."""

from __future__ import annotations

from typing import Any

TEXT = (str, bytes, bytearray)


def to_float(value: Any) -> float:
    """A number of any package as a float: NaN and the infinities stay.

    Raises:
        TypeError: it is no number; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, TEXT) or not hasattr(value, "__float__"):
        raise TypeError("it is no number")
    return float(value)


def to_int(value: Any) -> int:
    """A whole number of any package as an int, without a rounding on the way: ``3``, ``3.0``, ``Decimal(3)``.

    Raises:
        TypeError: it is no number; ValueError: it is not whole; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, TEXT):
        raise TypeError("it is no number")
    number = int(value)
    if number != value:
        raise ValueError("it is not whole")
    return number


def _item_of(value: Any) -> Any:
    """The one number in a scalar of numpy, torch, jax, pandas, or in an array of one element."""
    item = getattr(value, "item", None)
    if not callable(item):
        return value
    if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
        raise TypeError("it is no number")  # numpy makes an int of a date in nanoseconds, but not of others
    found = item()
    if is_masked(value):
        raise ValueError("it is masked")
    return found


def is_masked(value: Any) -> bool:
    """Whether a scalar of numpy.ma, or another with a ``mask``, is missing: ``item()`` gives what lies below, or 0."""
    mask = getattr(value, "mask", None)
    return mask is not None and not callable(mask) and bool(mask)
