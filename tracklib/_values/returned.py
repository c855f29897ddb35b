"""What a returned value means as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import limits
from .mappings import as_mapping, pairs_of, type_name
from .numbers import to_float


def as_metrics(returned: Any, name: str) -> Mapping[Any, Any] | None:
    """What a tracked function's return value says as metrics; None if it says nothing that is one.

    What :func:`as_mapping` takes; the mappings inside a tuple, where the first to use a name has it;
    a bare number, under ``name``.
    """
    mapping = as_mapping(returned)
    if mapping is not None:
        return mapping
    try:
        if isinstance(returned, tuple):
            return _merge([inner for inner in map(as_mapping, returned) if inner is not None])
        return {name: to_float(returned)}
    except Exception:
        return None


def _merge(mappings: list[Mapping[Any, Any]]) -> dict[Any, Any] | None:
    merged: dict[Any, Any] = {}
    for mapping in mappings:
        try:
            for key, value in pairs_of(mapping, limits.KEYS + 1):
                merged.setdefault(key, value)
        except Exception:
            merged.setdefault(type_name(type(mapping)), mapping)  # for clean() to name
    return merged or None
