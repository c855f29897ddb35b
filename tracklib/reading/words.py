"""Numbers and times as they are said to a reader: in a notebook and in a terminal."""

from __future__ import annotations

import math


def number(value: float | int | None, digits: int = 4) -> str:
    """Four digits that say something, with an exponent where zeros would hide them: ``9.17e-06``; whole ones as they
    are, and nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e7):
        return str(int(value))
    return f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """Seconds in at most two parts: ``0.4 s``, ``14 min 2 s``, ``3 h``, ``2 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, name, inner_size, inner in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size * (1 + (name == "d")):  # 47 hours say more than one day
            rest = whole % size // inner_size
            return f"{whole // size} {name}" + (f" {rest} {inner}" if rest else "")
    return f"{whole} s"


def about(seconds: float) -> str:
    """The first part of it: ``14 min``, ``3 h``."""
    return " ".join(duration(seconds).split(" ")[:2])
