"""What ``type`` may name in a config: the built-in trackers, imported subclasses, plug-ins, a path."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from ._identity import BUILT_IN
from .base import BaseTracker

PLUG_INS = "tracklib.trackers"


class Problem(Exception):
    """One sentence about one config."""


def find(name: str) -> type[BaseTracker]:
    is_path = ":" in name
    known = BUILT_IN if is_path or name in BUILT_IN else known_types()  # plug-ins are in every package's metadata
    if name not in known and not is_path:
        hint = did_you_mean(name, known)
        raise Problem(f"unknown type {name!r}{hint}; known are {', '.join(known)}, or 'package.module:Class'")
    kind = known.get(name, name)
    if isinstance(kind, str):
        kind = _load(kind)
    if not (inspect.isclass(kind) and issubclass(kind, BaseTracker)):
        raise Problem(f"type {name!r} is no subclass of tracklib.BaseTracker")
    if inspect.isabstract(kind):
        lacking = ", ".join(sorted(kind.__abstractmethods__))
        raise Problem(f"{kind.__name__} is not complete: give it {lacking}")
    if problems := async_methods(kind):
        raise Problem(*problems)
    return kind


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise Problem(f"type {path!r} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def known_types() -> dict[str, str | type[BaseTracker]]:
    """Every name that ``type`` may be: built-ins, imported subclasses, plug-ins; earlier ones win."""
    subclasses = {kind.__name__: kind for kind in _subclasses(BaseTracker)}  # type: ignore[type-abstract]
    return {**plug_ins(), **subclasses, **BUILT_IN}


def plug_ins() -> dict[str, str]:
    """The trackers that installed packages offer: where each class lies."""
    from importlib.metadata import entry_points

    return {entry.name: entry.value for entry in entry_points(group=PLUG_INS)}


def _subclasses(kind: type[BaseTracker]) -> list[type[BaseTracker]]:
    return [found for child in kind.__subclasses__() for found in (*_subclasses(child), child)]


def async_methods(kind: type[BaseTracker]) -> list[str]:
    methods = [name for name, each in vars(BaseTracker).items() if inspect.isfunction(each) and name[0] != "_"]
    return [
        f"{kind.__name__}.{name} is async: write it with def, as a tracker has a thread of its own and may block"
        for name in methods
        if inspect.iscoroutinefunction(getattr(kind, name))
    ]


def did_you_mean(name: str, known: Mapping[str, Any]) -> str:
    import difflib

    lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return f" (did you mean {lower[close[0]]!r}?)" if close else ""
