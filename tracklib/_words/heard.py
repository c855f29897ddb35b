"""What tracked functions logged inside a call of another: what that one returns of it is not logged twice."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .. import limits
from .._run.current import inside
from .._run.run import Trackers
from .._values.mappings import pairs_of

_MOST = 100  # calls at one step


class Heard:
    """Around a call: the metrics of the newest step of each axis, by run, that tracked functions log inside. No more
    than that is held, however long the call takes."""

    __slots__ = ("_newest", "_outer")

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[Any, list[dict[Any, Any]]]] | None = None  # as mostly

    def __enter__(self) -> Self:
        self._outer = inside.get()
        inside.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        inside.set(self._outer)

    def add(self, run: Trackers, axis: str, step: Any, metrics: Mapping[Any, Any]) -> None:
        newest = self._newest = self._newest or {}
        there = newest.get((run.uid, axis))
        before = there[1] if there is not None and _is_same(there[0], step) else []
        logged = dict(pairs_of(metrics, limits.KEYS + 1))  # a copy: the caller may add to what it got
        newest[run.uid, axis] = step, [*before[-_MOST:], logged]

    def add_all(self, inner: Heard) -> None:
        if inner._newest:
            self._newest = {**(self._newest or {}), **inner._newest}

    def without(self, run: Trackers, axis: str, step: Any, metrics: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """``metrics`` but for those that were logged with the same name, value and step."""
        there = self._newest.get((run.uid, axis)) if self._newest else None
        if there is None or not _is_same(there[0], step):
            return metrics
        return {
            key: value
            for key, value in pairs_of(metrics, limits.KEYS + 1)
            if not any(key in logged and _is_same(logged[key], value) for logged in there[1])
        }


def tell_outer(inner: Heard, run: Trackers, axis: str, step: Any, metrics: Mapping[Any, Any]) -> None:
    """Have the call around this one know what it logged, and what was logged in it."""
    outer = inside.get()
    if isinstance(outer, Heard):
        outer.add_all(inner)
        outer.add(run, axis, step, metrics)


def _is_same(one: Any, other: Any) -> bool:
    """Whether they are one object, or plain numbers that are equal: no other is asked, as it may be on a device."""
    return one is other or (type(one) in (int, float) and type(other) in (int, float) and one == other)
