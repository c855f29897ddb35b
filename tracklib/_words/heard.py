"""What tracked functions logged inside a call of another: what that one returns of it is not logged twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import limits
from .._run.run import Trackers
from .._values.mappings import pairs_of

_MOST = 100  # calls at one step

# The metrics of the newest step of each axis, by run, that tracked functions log inside of a call: no more than that is
# held, however long the call takes. A plain dict, empty mostly: each call of a tracked function in a run makes one.
Heard = dict[tuple[str, str], tuple[Any, list[dict[Any, Any]]]]


def without(heard: Heard, run: Trackers, axis: str, step: Any, metrics: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """``metrics`` but for those that were heard with the same name, value and step."""
    there = heard.get((run.uid, axis))
    if there is None or not _is_same(there[0], step):
        return metrics
    return {
        key: value
        for key, value in pairs_of(metrics, limits.KEYS + 1)
        if not any(key in logged and _is_same(logged[key], value) for logged in there[1])
    }


def tell(outer: Heard, heard: Heard, run: Trackers, axis: str, step: Any, metrics: Mapping[Any, Any]) -> None:
    """Have the call around this one know what it logged, and what was heard in it."""
    for where, (newest, logged) in heard.items():
        _add(outer, where, newest, logged)
    copy = dict(pairs_of(metrics, limits.KEYS + 1))  # the caller may add to what it got
    _add(outer, (run.uid, axis), step, [copy])


def _add(heard: Heard, where: tuple[str, str], step: Any, logged: list[dict[Any, Any]]) -> None:
    there = heard.get(where)
    before = there[1] if there is not None and _is_same(there[0], step) else []
    heard[where] = step, [*before, *logged][-_MOST:]


def _is_same(one: Any, other: Any) -> bool:
    """Whether they are one object, or plain numbers that are equal: no other is asked, as it may be on a device."""
    return one is other or (type(one) in (int, float) and type(other) in (int, float) and one == other)
