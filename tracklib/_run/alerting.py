"""A run's alerts among its trackers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._common.patterns import fits
from ..errors import ConfigError
from ..trackers._configs import build
from ..trackers.base import BaseTracker

Alerts = Sequence[Mapping[str, Any] | BaseTracker] | Mapping[str, Any] | BaseTracker | None


def with_alerts(trackers: Sequence[BaseTracker], alerts: Alerts, bests: Iterable[str]) -> list[BaseTracker]:
    """``trackers``, with one for each of ``alerts`` that has a way of its own; W&B's alert is its trackers' to tell.

    Args:
        trackers: the run's.
        alerts: what the option says.
        bests: the metrics whose best value the run keeps.

    Raises:
        ConfigError: with all that is wrong with the alerts.
    """
    told: Any = [alerts] if isinstance(alerts, Mapping | BaseTracker) else alerts
    if told is not None and (isinstance(told, str) or not isinstance(told, Sequence)):
        got = type(told).__name__
        raise ConfigError([f"alerts must be a list of dicts, as [{{'on': 'failed', 'webhook': '$HOOK'}}]; got {got}"])
    made = build([_as_config(each) for each in told or ()], "alerts")
    found: list[Any] = [each for each in (*trackers, *made) if each.is_alert]
    if wrong := [each for each in made if not each.is_alert]:
        raise ConfigError([f"alerts: {type(each).__name__} is a tracker: put it into the configs" for each in wrong])
    problems = [problem for each in found for problem in _problems(each, trackers, list(bests))]
    if problems:
        raise ConfigError(problems)
    return [each for each in (*trackers, *made) if not (each.is_alert and each.is_wandbs_alone)]  # type: ignore[attr-defined]  # an Alert's


def _as_config(alert: Any) -> Any:
    return {"type": "Alert", **alert} if isinstance(alert, Mapping) else alert


def _problems(alert: Any, trackers: Sequence[BaseTracker], bests: Sequence[str]) -> list[str]:
    """What does not go together; W&B's trackers are told their part."""
    problems = [
        f"alerts: {pattern!r} is no metric whose best value the run keeps: name it in best={{{pattern!r}: 'max'}}"
        for pattern in alert.when.best
        if not any(fits(name, pattern) for name in bests)
    ]
    if alert.wandb and not [each for each in trackers if each.also_alerts(alert.when.told())]:
        problems.append("alerts: 'wandb' needs a Wandb tracker among the configs")
    return problems
