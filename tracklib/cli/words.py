"""Values and names as they are said in a terminal."""

from __future__ import annotations

from typing import Any

from .._common.columns import width
from ..reading.words import number


def shown(value: Any) -> str:
    """Any value of a run; empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return number(value) if isinstance(value, int | float) else plain(str(value))


def plain(text: str) -> str:
    """``text`` on one line, without what would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def size(count: int) -> str:
    """Bytes, as ``12 MB``."""
    value, units = float(count), ["B", "KB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.1f} {units[0]}" if value < 10 and units[0] != "B" else f"{value:.0f} {units[0]}"


def many(count: int, what: str, plural: str = "") -> str:
    """``1 run``, ``500 runs``."""
    return f"{count} {what}" if count == 1 else f"{count} {plural or what + 's'}"


def cut(text: str, most: int) -> str:
    """``text`` in at most so many columns, with an ellipsis where it is longer."""
    if width(text) <= most:
        return text
    kept = ""
    for letter in text:
        if width(kept + letter) >= most:
            break
        kept += letter
    return f"{kept}…"


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Any, columns: int = 10) -> str:
    """A series as a row of bars; the means of as many stretches as there are ``columns``."""
    finite = [value for value in values if value - value == 0]
    if not finite:
        return ""
    count = min(columns, len(finite))
    parts = [finite[i * len(finite) // count : (i + 1) * len(finite) // count] for i in range(count)]
    means = [sum(part) / len(part) for part in parts]
    low, high = min(means), max(means)
    return "".join(_BARS[round((mean - low) / (high - low) * 7) if high > low else 3] for mean in means)
