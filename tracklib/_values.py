"""Any metric dict in, a flat dict of str to float out; and what a returned value means as metrics.

No array or tensor package is imported: their scalars are asked by ``item()`` or ``__float__``.
"""

from __future__ import annotations

import argparse
import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import _redact

DEPTH = 16
_NUMBERS = frozenset({float, int, bool})
_TEXT = (str, bytes, bytearray)
_NAMESPACES = (argparse.Namespace, types.SimpleNamespace)


class Skipped(NamedTuple):
    """A value that is no number: its flat key, and why it was passed over."""

    key: str
    why: str


def clean(
    metrics: Mapping[Any, Any], number: Callable[[Any], Any] | None = None
) -> tuple[dict[str, Any], list[Skipped]]:
    """``metrics`` flat, nested keys joined by ``/``, every number a float; and what was skipped.

    Never raises for a value: one that is no number, or that fails when asked, costs its own key only.

    Args:
        metrics: names to whatever the user has.
        number: makes a number of a value, or raises; None takes :func:`to_float`.
    """
    flat: dict[str, Any] = {}
    skipped: list[Skipped] = []
    if type(metrics) is dict:
        flat = metrics.copy()  # of floats, as a rule: then all is done
        for key, value in flat.items():
            if type(value) is not float or type(key) is not str:
                break
        else:
            return flat, skipped
        flat = {}
    _clean_into(flat, skipped, metrics, "", (id(metrics),), number or to_float)
    return flat, skipped


def _clean_into(
    flat: dict[str, Any],
    skipped: list[Skipped],
    metrics: Mapping[Any, Any],
    prefix: str,
    inside: tuple[int, ...],
    number: Callable[[Any], Any],
) -> None:
    """``inside`` holds the ids of the containers around a value, so that no cycle is followed."""
    try:
        for key, value in list(metrics.items()):
            _clean_one(flat, skipped, prefix + _name(key), value, inside, number)
    except Exception as error:
        skipped.append(Skipped(prefix.rstrip("/"), f"its items() raised {type(error).__name__}"))


def _clean_one(
    flat: dict[str, Any],
    skipped: list[Skipped],
    name: str,
    value: Any,
    inside: tuple[int, ...],
    number: Callable[[Any], Any],
) -> None:
    nested = None if type(value) in _NUMBERS else as_mapping(value)
    if nested is not None:
        if id(value) in inside or len(inside) > DEPTH:
            skipped.append(Skipped(name, f"{type(value).__name__} holds itself, or is nested too deeply"))
        else:
            _clean_into(flat, skipped, nested, name + "/", (*inside, id(value)), number)
    elif name in flat:
        skipped.append(Skipped(name, "another metric has this name already"))
    else:
        try:
            flat[name] = number(value)
        except Exception as error:
            skipped.append(Skipped(name, _why(value, error)))


def to_float(value: Any) -> float:
    """A number of any package as a float: NaN and the infinities stay.

    Raises:
        TypeError: it is no number; whatever the value itself raises when asked.
    """
    item = getattr(value, "item", None)
    if callable(item):  # a scalar of numpy, torch, jax, pandas; an array of one element
        value = item()
    if isinstance(value, _TEXT) or not hasattr(value, "__float__"):
        raise TypeError("it is no number")
    return float(value)


def as_mapping(value: Any) -> Mapping[Any, Any] | None:
    """``value`` as a mapping if it is one in substance, else None.

    A mapping, a dataclass instance, a named tuple, an attrs, pydantic or msgspec object, a namespace.
    """
    try:
        if isinstance(value, Mapping):
            return value
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
    elif isinstance(value, _NAMESPACES):
        names = list(vars(value))
    return names


def _field(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception as error:
        return error  # which is no number, and says why there is none


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
            for key, value in mapping.items():
                merged.setdefault(key, value)
        except Exception:
            merged.setdefault(type(mapping).__name__, mapping)  # for clean() to name
    return merged or None


def plain(value: Any, inside: tuple[int, ...] = ()) -> Any:
    """``value`` as JSON can hold it: containers rebuilt, scalars of any package as numbers, else text."""
    try:
        if id(value) in inside or len(inside) > DEPTH:
            return _name(value)
        return _plain(value, (*inside, id(value)))
    except Exception:
        return _name(value)


def _plain(value: Any, inside: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool | str):
        return str(value) if isinstance(value, str) else value
    nested = as_mapping(value)
    if nested is not None:
        return {_name(key): plain(item_of(nested, key), inside) for key in nested}
    if isinstance(value, set | frozenset):  # in an order that the next process has too
        return sorted((plain(item, inside) for item in value), key=str)
    if isinstance(value, Sequence) and not isinstance(value, _TEXT):  # omegaconf's lists, too
        return [plain(item, inside) for item in value]
    return _plain_scalar(value)


def item_of(mapping: Mapping[Any, Any], key: Any) -> Any:
    """``mapping[key]``; where that fails, the error."""
    try:
        return mapping[key]
    except Exception as error:
        return error


def _plain_scalar(value: Any) -> Any:
    if callable(getattr(value, "item", None)):
        value = value.item()
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value if isinstance(value, bool) else int(value)
    if isinstance(value, float):
        number = float(value)
        return number if number - number == 0 else str(number)
    return str(value)


def _name(key: Any) -> str:
    try:
        return str(key).encode("utf-8", "backslashreplace").decode()
    except Exception:
        return f"<{type(key).__name__}>"


def _why(value: Any, error: Exception) -> str:
    kind = type(value).__name__
    if isinstance(error, TypeError):
        return f"{kind} is no number"
    return f"{kind} is no single number ({type(error).__name__}: {_redact.redact_text(_name(error))})"
