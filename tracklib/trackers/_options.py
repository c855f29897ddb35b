"""Whether a tracker's options are there, and of the types that its constructor says."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

import msgspec

from .._common.secrets import redact
from .._values.arguments import shown
from .._values.plain import plain
from ._kinds import did_you_mean
from .base import BaseTracker


def wrong_options(kind: type[BaseTracker], options: Mapping[Any, Any]) -> list[str]:
    schema = kind.config_schema
    if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(kind.__init__).parameters.values()):
        return []
    problems = [
        f"{kind.__name__} needs {name!r}" for name, entry in schema.items() if entry["required"] and name not in options
    ]
    types = _types(kind)
    for name, value in options.items():
        if name not in schema:
            hint = did_you_mean(str(name), schema)
            problems.append(f"{kind.__name__} has no option {name!r}{hint}; it has {', '.join(schema)}")
        elif not _fits(value, types.get(name, Any)):
            found = f"{type(value).__name__}: {shown(redact(plain(value), name), 200)}"
            problems.append(f"{kind.__name__}'s {name!r} must be {schema[name]['type']}, got {found}")
    return problems


def _types(kind: type[BaseTracker]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind.__init__)
    except Exception:  # a name that only a type checker can see
        return {}


def _fits(value: Any, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError:
        return False
    except Exception:  # a type that msgspec does not know
        return not inspect.isclass(annotation) or isinstance(value, annotation)
    return True
