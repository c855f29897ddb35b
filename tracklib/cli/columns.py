"""What the columns of a list of runs are."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..reading.names import GROUPS, OWN, differing_params
from ..reading.run import Run
from ..reading.words import about
from .tables import Heading
from .words import plain, shown

STATUS_STYLES: dict[str, dict[str, Any]] = {
    "finished": {"fg": "green"},
    "failed": {"fg": "red"},
    "killed": {"fg": "red"},
    "preempted": {"fg": "yellow"},
    "running": {"fg": "blue"},
    "running?": {"fg": "blue"},
}
_FIXED = {
    "name": Heading("RUN", "name", is_left=True, show=lambda value: plain(str(value))),
    "status": Heading("STATUS", "status", is_left=True, style=lambda value: STATUS_STYLES.get(value, {})),
    "took": Heading("TOOK", "took", show=about),
    "age": Heading("AGE", "age", show=about),
    "epoch": Heading("EPOCH", "epoch"),
    "git": Heading("GIT", "git", is_left=True),
    "host": Heading("HOST", "host", is_left=True),
    "tags": Heading("TAGS", "tags", is_left=True),
    "directory": Heading("DIRECTORY", "directory", is_left=True),
}
_METRICS = 4
_USUAL = re.compile(r"loss|err|acc|score|auc|f1|perplex|reward|return", re.IGNORECASE)


def heading_of(name: str, sort: str | None = None) -> Heading:
    """The column of what ``name`` means; an arrow where it is sorted by it."""
    arrow = {name: " ↑", f"-{name}": " ↓"}.get(name if sort == name else f"-{name}" if sort == f"-{name}" else "", "")
    fixed = _FIXED.get(name)
    if fixed:
        return Heading(fixed.title + arrow, fixed.name, fixed.is_left, fixed.show, fixed.style)
    group, _, inner = name.partition(".")
    title = (
        f"{inner} {group}"
        if group in GROUPS and inner and group not in ("params", "tags")
        else inner
        if group in GROUPS and inner
        else name
    )
    return Heading(plain(title) + arrow, name, show=shown)


def told_apart(runs: Sequence[Run]) -> list[str]:
    """The runs' names; where several have one, with where each is below the folder that all are in."""
    count = Counter(run.name for run in runs)
    if len(count) == len(runs):
        return [run.name for run in runs]
    shared = os.path.commonpath([run.directory for run in runs])
    places = [os.path.relpath(run.directory, shared) for run in runs]
    return [
        run.name if count[run.name] == 1 else place if os.path.basename(place) == run.name else f"{run.name} ({place})"
        for run, place in zip(runs, places, strict=True)
    ]


def epoch_of(run: Run) -> str:
    """Its epoch, and of how many where it goes on and they are known; empty where it has none."""
    if run.epoch is None:
        return ""
    return f"{run.epoch}/{run.planned_epochs}" if run.is_live and run.planned_epochs else str(run.epoch)


def measured(runs: Sequence[Run]) -> list[str]:
    """The metrics to show: those whose best value is kept, then a few whose names say that they matter."""
    best = list(dict.fromkeys(name for run in runs for name in run.best if name in run.last))
    others = [
        name
        for name in dict.fromkeys(name for run in runs for name in run.last)
        if name not in best and not name.startswith("system/")
    ]
    others.sort(key=lambda name: (not _USUAL.search(name), not name.startswith(("val", "eval", "test"))))
    return best + others[: max(0, _METRICS - len(best))]


def apart_from_others(metric: str, runs: Sequence[Run]) -> str:
    """What means the metric in a list of ``runs``: its name, unless that means a param of one, or what each run is."""
    if metric not in OWN and not any(metric in run.flat_params for run in runs):
        return metric
    return f"best.{metric}" if any(metric in run.best for run in runs) else f"last.{metric}"


def params_that_differ(runs: Sequence[Run]) -> list[str]:
    """The params that are not the same in all, each by what means it; of a single run all."""
    names = differing_params(runs) if len(runs) > 1 else [name for run in runs for name in run.flat_params]
    return [f"params.{name}" if name in OWN or name.partition(".")[0] in GROUPS else name for name in names]
