"""A run as plain data, for JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from .._common.distinct import apart
from .._journal.statistics import At, Statistics
from .attempts import moment

if TYPE_CHECKING:
    from .run import Run


def as_dict(run: Run) -> dict[str, Any]:
    """All that is known of ``run`` but its points. Times are ISO 8601 in UTC, durations seconds."""
    told = {
        name: getattr(run, name)
        for name in ("name", "uid", "directory", "status", "took", "age", "epoch", "planned_epochs")
    }
    told |= {name: getattr(run, name) for name in ("error", "message", "damaged", "params", "tags")}
    told["began"] = run.began.isoformat()
    told["ended"] = run.ended.isoformat() if run.ended else None
    told["parent"] = msgspec.to_builtins(run.parent)
    told["environment"] = asdict(run.environment)
    told["attempts"] = [
        asdict(each) | {"began": each.began.isoformat(), "ended": each.ended.isoformat() if each.ended else None}
        for each in run.attempts
    ]
    told["best"] = {name: _without(msgspec.to_builtins(best), "type", "name") for name, best in run.best.items()}
    told["metrics"] = [{"name": name, "axis": axis, **_known(known)} for (axis, name), known in run.series.items()]
    told["histograms"] = {
        name: {"count": len(each), "last": _without(msgspec.to_builtins(each[-1]), "type", "name")}
        for name, each in run.histograms.items()
    }
    told["alerts"] = [msgspec.to_builtins(each) for each in run.alerts]
    told["artifacts"] = [
        {"name": each.name, "path": each.path, "sha256": each.sha256, "logged": each.logged.isoformat()}
        for each in run.artifacts.values()
    ]
    told["checkpoints"] = [
        {"name": each.name, "path": str(each), "epoch": each.epoch, "metrics": each.metrics, "sha256": each.sha256}
        | {"aliases": list(each.aliases), "size": each.size, "logged": moment(each.time).isoformat()}
        for each in run.checkpoints
    ]
    told["notes"] = [
        {"text": each.text, "axis": each.axis, "step": each.step, "time": moment(each.time).isoformat()}
        for each in run.notes
    ]
    whole: dict[str, Any] = plain(told)
    return whole


def _known(known: Statistics) -> dict[str, Any]:
    places: dict[str, At] = {"first": known.first, "last": known.last, "min": known.min, "max": known.max}
    told: dict[str, Any] = {"count": known.count, "nans": known.nans, "mean": known.mean}
    return told | {name: {"value": at.value, "step": at.step, "time": at.time} for name, at in places.items()}


def _without(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


def plain(value: Any) -> Any:
    """What JSON can hold of it: NaN and the infinities are the texts that the journal has for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def flat(params: Mapping[str, Any]) -> dict[str, Any]:
    """Nested ``params`` by their flat names; an empty group stays as it is. Of two that have one name, as in
    ``{"a": {"b": 1}, "a/b": 2}``, the second is called ``a/b-2``."""
    return apart(_flat(params, ""))


def _flat(params: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value
