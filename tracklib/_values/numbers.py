"""One number out of a scalar of any package. No array or tensor package is imported: a scalar is asked by ``item()``,
``as_py()`` or ``__float__``."""

from __future__ import annotations

import math
import operator
from typing import Any

TEXT = (str, bytes, bytearray)
_EXACT = (float, int, bool)


def to_float(value: Any) -> float:
    """A number of any package as a float: NaN and the infinities stay.

    Raises:
        TypeError: it is no number; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, TEXT) or not hasattr(value, "__float__"):
        raise TypeError("it is no number")
    need_there(value)
    return float(value)


def to_int(value: Any) -> int:
    """A whole number of any package as an int, without a rounding on the way: ``3``, ``3.0``, ``Decimal(3)``.

    Raises:
        TypeError: it is no number; ValueError: it is not whole; whatever the value itself raises when asked.
    """
    value = _item_of(value)
    if isinstance(value, TEXT):
        raise TypeError("it is no number")
    need_there(value)
    number = int(value)
    if number != value:
        raise ValueError("it is not whole")
    return number


def to_index(value: Any) -> int:
    """What says by itself that it is a whole number, as one.

    Raises:
        TypeError: it does not; ValueError: it is missing.
    """
    need_there(value)
    if is_masked(value):
        raise ValueError("it is masked")
    return operator.index(value)


def _item_of(value: Any) -> Any:
    """The one number in a scalar of numpy, torch, jax, pandas, Arrow, or in an array of one element."""
    item = getattr(value, "item", None)
    if not callable(item):
        as_py = getattr(value, "as_py", None)
        return as_py() if callable(as_py) else value
    need_unmasked_tensor(value)
    if getattr(getattr(value, "dtype", None), "kind", "") in ("m", "M"):
        raise TypeError("it is no number")  # numpy makes an int of a date in nanoseconds, but not of others
    found = item()
    if is_masked(value):
        raise ValueError("it is masked")
    return found


def need_unmasked_tensor(value: Any) -> None:
    """See that no element of torch's ``MaskedTensor`` is missing: it can be asked for no number then.

    Raises:
        ValueError: one is.
    """
    valid = getattr(value, "get_mask", None)
    if callable(valid) and not valid().all():
        raise ValueError("it is masked")


def need_there(value: Any) -> None:
    """See that a number is one in the eyes of its package: R's ``NA_integer_`` is an int for Python, of a value that
    nobody gave it, and can tell no truth.

    Raises:
        ValueError: it is missing.
    """
    if type(value) not in _EXACT and isinstance(value, int | float):
        try:
            bool(value)
        except Exception:
            raise ValueError("it is missing") from None


def is_masked(value: Any) -> bool:
    """Whether a scalar of numpy.ma, or another with a ``mask``, is missing: ``item()`` gives what lies below, or 0."""
    mask = getattr(value, "mask", None)
    return mask is not None and not callable(mask) and bool(mask)


def seconds(name: str, value: Any) -> float:
    """How long a caller wants to wait, as its parameter ``name`` says; below 0, not at all.

    Raises:
        TypeError: it is no number, or NaN, for which one would wait for ever.
    """
    try:
        number = to_float(value)
    except Exception:
        number = math.nan
    if number != number:
        raise TypeError(f"{name} must be seconds, as 30.0; got {type(value).__name__}")
    return number
