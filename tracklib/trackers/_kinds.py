"""What ``type`` may name in a config: the built-in trackers, imported subclasses, plug-ins, a path."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from ._identity import BUILT_IN
from ._packages import DISTRIBUTION
from ._plug_ins import PlugIn, plug_ins
from .base import BaseTracker


class Problem(Exception):
    """One sentence about one config."""


def find(name: str) -> type[BaseTracker]:
    """The class that ``type`` names: a built-in, a plug-in, an imported subclass, in this order, or by its path.

    Raises:
        Problem: there is none, or it is no tracker that this tracklib can run.
    """
    plug_in = None
    if ":" in name:
        kind: Any = _load(name, f"type {name!r}")
    elif name in BUILT_IN:  # plug-ins are in every distribution's metadata, which is not asked for these
        kind = _load(BUILT_IN[name], f"type {name!r}")
    elif name in plug_ins():
        plug_in = _the_one(name, plug_ins()[name])
        kind = _load_plug_in(plug_in)
    else:
        kind = _imported().get(name)
        if kind is None:
            known = known_types()
            hint = did_you_mean(name, known)
            raise Problem(f"unknown type {name!r}{hint}; known are {', '.join(known)}, or 'package.module:Class'")
    if problems := _unfit(kind, name, plug_in):
        raise Problem(*problems)
    found: type[BaseTracker] = kind
    return found


def known_types() -> list[str]:
    """Every name that ``type`` may be. Where one is there twice, a built-in wins over a plug-in, and that over a class
    that is imported: what a config means does not hang on what a program has imported so far."""
    readable = [name for name, offers in plug_ins().items() if not offers[0].problem]
    return list(dict.fromkeys([*BUILT_IN, *readable, *_imported()]))


def load_plug_in(plug_in: PlugIn) -> type[BaseTracker]:
    """The class of a plug-in, checked.

    Raises:
        Problem: it cannot be used.
    """
    kind = _load_plug_in(plug_in)
    if problems := _unfit(kind, plug_in.name, plug_in):
        raise Problem(*problems)
    found: type[BaseTracker] = kind
    return found


def _the_one(name: str, offers: Sequence[PlugIn]) -> PlugIn:
    if len(offers) > 1:
        sources = " and ".join(each.source for each in offers)
        ways = " or ".join(f"'type': {each.path!r}" for each in offers)
        raise Problem(f"type {name!r} is offered by {sources}: write {ways}, or uninstall all but one of them")
    return offers[0]


def _load_plug_in(plug_in: PlugIn) -> Any:
    where = f"type {plug_in.name!r} of {plug_in.source}"
    if plug_in.problem:
        raise Problem(f"{where}: {plug_in.problem}; run: {plug_in.install}")
    if plug_in.missing:
        raise Problem(f"{where} needs {' and '.join(plug_in.missing)}; run: {plug_in.install}")
    return _load(plug_in.path, where, f"; run: {plug_in.install}")


def _load(path: str, where: str, hint: str = "") -> Any:
    module, _, name = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        raise Problem(f"{where} cannot be imported: {type(error).__name__}: {error}{hint}") from error
    return found


def _unfit(kind: Any, name: str, plug_in: PlugIn | None) -> list[str]:
    """Why a class cannot be used as a tracker."""
    source = f" of {plug_in.source}" if plug_in else ""
    if not (inspect.isclass(kind) and issubclass(kind, BaseTracker)):
        return [f"type {name!r}{source} is no subclass of tracklib.BaseTracker"]
    if kind.contract != BaseTracker.contract:
        return [_of_another_contract(kind, source, plug_in)]
    if inspect.isabstract(kind):
        return [f"{kind.__name__}{source} is not complete: give it {', '.join(sorted(kind.__abstractmethods__))}"]
    return async_methods(kind)


def _of_another_contract(kind: type[BaseTracker], source: str, plug_in: PlugIn | None) -> str:
    said, ours = kind.contract, BaseTracker.contract
    mend = f"run: {plug_in.install}" if plug_in else f"change it, and write contract = {ours}"
    if said > ours:
        mend = f'run: pip install -U "{DISTRIBUTION}"'
    return f"{kind.__name__}{source} is written for contract {said} of trackers, and this tracklib has {ours}; {mend}"


def _imported() -> dict[str, type[BaseTracker]]:
    kinds = _subclasses(BaseTracker)  # type: ignore[type-abstract]
    return {kind.__name__: kind for kind in kinds if kind.__module__ != BaseTracker.__module__}  # it has abstract ones


def _subclasses(kind: type[BaseTracker]) -> list[type[BaseTracker]]:
    return [found for child in kind.__subclasses__() for found in (*_subclasses(child), child)]


def async_methods(kind: type[BaseTracker]) -> list[str]:
    methods = [name for name, each in vars(BaseTracker).items() if inspect.isfunction(each) and name[0] != "_"]
    return [
        f"{kind.__name__}.{name} is async: write it with def, as a tracker has a thread of its own and may block"
        for name in methods
        if inspect.iscoroutinefunction(getattr(kind, name))
    ]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    import difflib

    lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    close = close or [other for other in lower if name and name.lower() in other.split("_")]
    return f" (did you mean {lower[close[0]]!r}?)" if close else ""
