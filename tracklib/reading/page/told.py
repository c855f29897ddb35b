"""What the page is told of runs: plain values, and curves of few enough points."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..environment import TAGS
from .drawn import Steps, drawn_of, milliseconds
from .inline import Inline
from .packed import Arrays
from .sections import sections_of

if TYPE_CHECKING:
    from ..run import Run

# A page of this many bytes opens at once; only more series than it has room for make a larger one.
_LIGHT = 2_200_000
_HEAVY = 18_000_000
_MOST, _FEW, _LEAST = 1024, 128, 16
_BYTES_A_POINT = 16  # mean, least and greatest in base64
_EXACT = 2**53  # what is greater is no whole number in the browser


def told(
    runs: Sequence[Run],
    title: str,
    home: str,
    follow: float | None,
    trackers: Callable[[Run], list[dict[str, str]]],
    steps: Steps | None = None,
) -> dict[str, Any]:
    """What ``html`` makes a page of.

    Args:
        runs: in any order.
        title: stands over the page.
        home: the folder in which the page lies: links lead from there to artifacts.
        follow: seconds after which the page reads itself again.
        trackers: what is told of a run's.
        steps: draws what was logged at these, from the first to the last, in full detail; None draws all.
    """
    arrays, inline = Arrays(), Inline(home)
    most = points_for(sum(len(run.series) for run in runs))
    return {
        "title": title,
        "made": round(time.time() * 1000),
        "follow": follow,
        "runs": [_run(run, arrays, inline, most, steps) | {"trackers": trackers(run)} for run in runs],
        "arrays": arrays.texts,
        "texts": inline.texts,
    }


def points_for(series: int) -> int:
    """How many points each of so many series may have."""
    light, heavy = (size // (_BYTES_A_POINT * max(1, series)) for size in (_LIGHT, _HEAVY))
    return max(_LEAST, min(_MOST, max(light, min(_FEW, heavy))))


def plain(value: Any) -> Any:
    """A param's value as the browser has it: no number that it would round, or does not know."""
    if isinstance(value, float) and value - value != 0:
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _run(run: Run, arrays: Arrays, inline: Inline, most: int, steps: Steps | None) -> dict[str, Any]:
    drawn = {"metrics": _metrics(run), "series": drawn_of(run, arrays, most, steps)}
    return _plainly(run) | drawn | {"sections": sections_of(run, inline)}


def _plainly(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "uid": run.uid,
        "path": run.directory,
        "status": run.status,
        "began": milliseconds(run.began),
        "took": run.took,
        "age": run.age,
        "epoch": run.epoch,
        "planned": run.planned_epochs if run.is_live else None,
        "error": run.error,
        "message": run.message,
        "host": run.environment.host,
        "revision": run.environment.revision,
        "attempts": len(run.attempts),
        "params": {name: plain(value) for name, value in run.flat_params.items()},
        "tags": run.own_tags,
        "facts": {name: value for name, value in run.tags.items() if name in TAGS and value},
        "best": {
            name: {"mode": best.mode, "value": plain(best.value), "axis": best.axis, "step": best.step}
            for name, best in run.best.items()
        },
    }


def _metrics(run: Run) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for (axis, name), known in run.series.items():
        if name in found and axis != "epoch":
            continue
        ends = (part for at in (known.last, known.min, known.max) for part in (plain(at.value), at.step))
        found[name] = [axis, known.count, *ends, plain(known.mean), plain(known.first.value)]
    return found
