"""A run as another tracker has it, on its way into a run's directory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from .._journal.records import Status


class Point(NamedTuple):
    """What was logged at once; ``time`` is in milliseconds since 1970."""

    time: int
    axis: str
    step: int
    metrics: dict[str, float]


def together(values: Iterable[tuple[int, int, str, float]]) -> list[Point]:
    """Values by ``(time, step, name, value)``: those of one moment and step are one point, but a second value of one
    name is in another, behind it."""
    points: dict[tuple[int, int], list[dict[str, float]]] = {}
    for time, step, name, value in values:
        of_step = points.setdefault((time, step), [{}])
        if name in of_step[-1]:
            of_step.append({})
        of_step[-1][name] = value
    return [Point(time, "step", step, metrics) for (time, step), each in sorted(points.items()) for metrics in each]


class Foreign(NamedTuple):
    """One run. ``source`` says what it is there, so that it has the same uid each time it is taken over; ``status`` is
    None where it did not end. ``artifacts`` are files and folders, each by its name with where it is now: that is
    asked once, and copied at once. ``note`` is what somebody wrote beside it."""

    source: str
    name: str
    began: int
    points: Iterable[Point]
    params: dict[str, Any] = {}
    tags: dict[str, str] = {}
    status: Status | None = Status.FINISHED
    artifacts: Iterable[tuple[str, str]] = ()
    note: str = ""

    @property
    def uid(self) -> str:
        """The same for the same source."""
        return hashlib.sha256(self.source.encode("utf-8", "surrogateescape")).hexdigest()[:16]
