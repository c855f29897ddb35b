"""What a name means of a run: the same in conditions, in sorting, and as a column of a list of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .points import axis_of

if TYPE_CHECKING:
    from .run import Run

Value = float | str | bool | None

# What a run is, by plain names. Times are in seconds.
_OWN: dict[str, Callable[[Run], Value]] = {
    "status": lambda run: run.status,
    "name": lambda run: run.name,
    "uid": lambda run: run.uid,
    "age": lambda run: run.age,
    "took": lambda run: run.took,
    "epoch": lambda run: run.epoch,
    "attempts": lambda run: len(run.attempts),
    "host": lambda run: run.environment.host or None,
    "git": lambda run: run.environment.git or None,
    "error": lambda run: run.error or None,
    "directory": lambda run: run.directory,
}

OWN = tuple(_OWN)
"""The names of what each run is."""

_GROUPS: dict[str, Callable[[Run, str], Value]] = {
    "params": lambda run, name: _plain(run.flat_params.get(name)),
    "tags": lambda run, name: run.tags.get(name),
    "best": lambda run, name: run.best[name].value if name in run.best else None,
    "first": lambda run, name: _of_metric(run, "first", name),
    "last": lambda run, name: _of_metric(run, "last", name),
    "min": lambda run, name: _of_metric(run, "min", name),
    "max": lambda run, name: _of_metric(run, "max", name),
    "mean": lambda run, name: _of_metric(run, "mean", name),
    "count": lambda run, name: _of_metric(run, "count", name),
}

GROUPS = tuple(_GROUPS)
"""What may stand before a name, with a dot: ``params.lr``, ``last.val/loss``."""


def value_of(run: Run, name: str) -> Value:
    """What ``name`` is of ``run``; None where the run has no such thing.

    A name with a group before it, as ``params.lr`` or ``min.val/loss``, is of that group. Else it is, in this order:
    what each run is (``status``, ``took`` ...); a param; a metric: the best value where the run was asked to keep it,
    else the last one; a tag, of which a bare one is true.
    """
    group, dot, inner = name.partition(".")
    if dot and group in _GROUPS and (value := _GROUPS[group](run, inner)) is not None:
        return value
    if name in _OWN:
        return _OWN[name](run)
    for group in ("params", "best", "last"):
        if (value := _GROUPS[group](run, name)) is not None:
            return value
    tag = run.tags.get(name)
    return True if tag == "" else tag


def _of_metric(run: Run, what: str, name: str) -> Value:
    """One number of a metric, without the objects that a user sees."""
    axis = axis_of(name, run.summary.series)
    if axis is None:
        return None
    found: Any = getattr(run.summary.series[axis][name], what)
    return found if isinstance(found, int | float) else float(found.value)


def _plain(value: Any) -> Value:
    """A param as a condition compares it: a list or an empty group as its text."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def known_names(runs: Iterable[Run]) -> list[str]:
    """All names that mean something of one of ``runs``, the plain ones first; for completion and for messages."""
    found: dict[str, None] = dict.fromkeys(OWN)
    for run in runs:
        found.update(dict.fromkeys([*run.flat_params, *run.last, *run.tags]))
    return list(found)


def shown_metrics(runs: Iterable[Run]) -> list[str]:
    """The metrics worth a column of a list: those whose best value was asked for first, then by how many runs have
    them; what the machine did (``system/...``) is none."""
    asked: dict[str, None] = {}
    count: dict[str, int] = {}
    for run in runs:
        asked.update(dict.fromkeys(run.best))
        for axis, names in run.summary.series.items():
            for name in names if axis != "system" else ():
                count[name] = count.get(name, 0) + 1
    return [*asked, *(name for name in sorted(count, key=lambda name: -count[name]) if name not in asked)]


def differing_params(runs: Iterable[Run]) -> list[str]:
    """The params, by their flat names, that are not the same in all the runs."""
    known = [run.flat_params for run in runs]
    names = dict.fromkeys(name for params in known for name in params)
    return [name for name in names if len({repr(params.get(name)) for params in known}) > 1]
