"""What is a mapping in substance: dicts of any kind, and objects of fields."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import types
from collections.abc import Mapping
from typing import Any

type_name = type.__dict__["__name__"].__get__  # whatever a metaclass makes of the name


class Raised:
    """Stands for a value that raised when it was asked for."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __str__(self) -> str:
        return f"<{type_name(type(self.error))}>"


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """``value`` as a mapping if it is one in substance, else None.

    A mapping, a dataclass instance, a named tuple, an attrs, pydantic or msgspec object, a namespace.
    """
    try:
        if type(value) is dict or isinstance(value, Mapping):  # to ask an abstract class takes longer
            return value
        if type(value) is Raised:
            return None
        names = _field_names(value)
    except Exception:  # a __class__ that raises, and the like
        return None
    return None if names is None else {name: _field(value, name) for name in names}


def _field_names(value: Any) -> Any:
    kind = type(value)
    names: Any = None
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", None)
    elif dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
    elif hasattr(kind, "__pydantic_fields__"):
        names = [*kind.__pydantic_fields__, *(getattr(value, "__pydantic_extra__", None) or ())]
    elif hasattr(kind, "__struct_fields__"):
        names = kind.__struct_fields__
    elif isinstance(value, types.SimpleNamespace) or _is_namespace(value):
        names = list(vars(value))
    return names


def _is_namespace(value: Any) -> bool:
    argparse = sys.modules.get("argparse")  # nobody has one of its objects before it is imported
    return argparse is not None and isinstance(value, argparse.Namespace)


def _field(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception as error:
        return Raised(error)


def pairs_of(mapping: Mapping[Any, Any], most: int) -> list[tuple[Any, Any]]:
    """The first ``most`` items; where they cannot be told at once, each for itself."""
    try:
        pairs = list(itertools.islice(mapping.items(), most))
        return pairs if type(mapping) is dict else [(key, value) for key, value in pairs]
    except Exception:
        return [(key, item_of(mapping, key)) for key in itertools.islice(mapping, most)]


def item_of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """``mapping[key]``; where that fails, what says so."""
    try:
        return mapping[key]
    except Exception as error:
        return Raised(error)
