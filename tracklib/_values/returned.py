"""What a returned value means as metrics."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from .. import limits
from .mappings import as_mapping, pairs_of, type_name
from .numbers import to_float


def as_metrics(returned: Any, name: str) -> Mapping[Any, Any] | None:
    """What a tracked function's return value says as metrics; None if it says nothing that is one.

    What :func:`as_mapping` takes; a bare number, under ``name``; what a tuple holds of both, if a mapping is among it.
    Of two values in it that have one name, the second one's is ``<name>_2``.
    """
    mapping = as_mapping(returned)
    if mapping is not None:
        return mapping
    if issubclass(type(returned), tuple):  # not isinstance, which asks the value
        return _of_tuple(returned, name)
    number = _number(returned)
    return None if number is None else {name: number}


def _number(value: Any) -> float | None:
    try:
        return to_float(value)
    except Exception:
        return None


def _of_tuple(returned: tuple[Any, ...], name: str) -> dict[Any, Any] | None:
    mappings = [as_mapping(part) for part in returned]
    if all(mapping is None for mapping in mappings):
        return None
    merged: dict[Any, Any] = {}
    for mapping in mappings:
        if mapping is not None:
            _merge(merged, mapping)
    for part, mapping in zip(returned, mappings, strict=True):
        number = _number(part) if mapping is None else None
        if number is not None:
            _put(merged, name, number)
    return merged or None


def _merge(merged: dict[Any, Any], mapping: Mapping[Any, Any]) -> None:
    try:
        for key, value in pairs_of(mapping, limits.KEYS + 1):
            _put(merged, key, value)
    except Exception:
        merged.setdefault(type_name(type(mapping)), mapping)  # for clean() to name


def _put(merged: dict[Any, Any], key: Any, value: Any) -> None:
    """Put it beside what is there: nested names too may be used twice."""
    if key not in merged:
        merged[key] = value
        return
    inner, outer = as_mapping(value), as_mapping(merged[key])
    if inner is not None and outer is not None:
        merged[key] = both = dict(pairs_of(outer, limits.KEYS + 1))
        _merge(both, inner)
        return
    free = (f"{key}_{count}" for count in itertools.count(2))
    merged[next(name for name in free if name not in merged)] = value
