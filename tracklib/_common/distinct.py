"""Names that became equal, told apart by a number: no value is lost to another of the same name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def apart(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A dict of ``pairs`` that keeps every value: the second of a name is called ``name-2``, and so on."""
    kept: dict[Any, Any] = {}
    times: dict[Any, int] = {}
    for name, value in pairs:
        free = name
        while free in kept:
            times[name] = times.get(name, 1) + 1
            free = f"{name}-{times[name]}"
        kept[free] = value
    return kept
