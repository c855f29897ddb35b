"""Texts that UTF-8 has no bytes for, as a path on disk may be one: with lone surrogates."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .distinct import apart


def well_formed(value: Any) -> Any:
    """``value`` with each lone surrogate, for which UTF-8 has no bytes, spelled out (``\\udcff``)."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return apart((well_formed(key), well_formed(item)) for key, item in value.items())
    return [well_formed(item) for item in value] if isinstance(value, list | tuple) else value


def as_json(value: Any, order: Literal["sorted"] | None = None) -> bytes:
    """``value`` as JSON, its texts well-formed."""
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(well_formed(msgspec.to_builtins(value)), order=order)
