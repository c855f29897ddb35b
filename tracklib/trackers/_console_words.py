"""Numbers, rows and lengths of time as the console says them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .._common.names import printable

_LARGEST_WHOLE = 1e7


def line(axis: str, step: int, metrics: Mapping[str, float], best: Collection[str] = ()) -> str:
    """A row in one line, a star behind each name of ``best``."""
    said = (f"{printable(name)} {number(value)}{'*' * (name in best)}" for name, value in metrics.items())
    return "  ".join([f"{printable(axis)} {step}", *said])


def number(value: float | None) -> str:
    """A value in five digits; a whole number as one, and nothing for None."""
    if value is None:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_WHOLE else f"{value:.5g}"


def duration(milliseconds: int) -> str:
    """A length of time as a person says it, such as ``1.2 s``, ``3 min 5 s`` or ``2 h 7 min``."""
    seconds = max(0, milliseconds) / 1000
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
