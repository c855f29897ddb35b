"""Guards: what is done when a named metric is no finite number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from .._common.patterns import fits
from .._common.warn import warn
from .._journal.journal import Journal
from .._journal.records import Tags
from .._values.arguments import as_tags, shown, whole_number
from .._values.flat import clean
from ..errors import NotFinite

Action = Literal["warn", "stop"]
TAG = "not_finite"
_ACTIONS = ("warn", "stop")
_MOST_TOLD = 20


class Guards:
    """Looks at what is logged.

    Args:
        actions: by the metric's name, in which ``*`` stands for any text; the first that fits counts.
    """

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self.actions = dict(actions)
        self._told: dict[str, str] = {}

    @property
    def stops(self) -> bool:
        """Whether one of them may end the run."""
        return "stop" in self.actions.values()

    def see(self, metrics: Mapping[str, float], axis: str, step: int, journal: Journal) -> None:
        """Look at what was logged.

        Raises:
            NotFinite: a metric is NaN or infinite that is to end the run.
        """
        total = sum(metrics.values())
        if total - total == 0:
            return
        found = [name for name, value in metrics.items() if value - value != 0 and self._action(name)]
        for name in found:
            if self._action(name) == "warn":
                self._warn(name, metrics[name], axis, step, journal)
        for name in found:
            if self._action(name) == "stop":
                raise NotFinite(name, metrics[name], axis, step)

    def see_elsewhere(self, log_dict: Mapping[Any, Any], axis: str, step: Any) -> None:
        """On a rank that keeps nothing: look at those alone that end the run. No other is worth waiting for a device.

        Raises:
            NotFinite: as on rank 0.
        """
        wanted = [name for name, action in self.actions.items() if action == "stop"]
        part = {key: value for key, value in log_dict.items() if any(_may_hold(str(key), name) for name in wanted)}
        values, _ = clean(part)
        for name, value in values.items():
            if value - value != 0 and self._action(name) == "stop":
                raise NotFinite(name, value, axis, whole_number(step))

    def _action(self, name: str) -> Action | None:
        return next((action for pattern, action in self.actions.items() if fits(name, pattern)), None)

    def _warn(self, name: str, value: float, axis: str, step: int, journal: Journal) -> None:
        """Once for each metric: in a tag that says since when, and to the user."""
        if name in self._told:
            return
        self._told[name] = f"{name} since {axis} {step}"
        if len(self._told) <= _MOST_TOLD:
            journal.append(Tags(time=journal.now(), tags=as_tags({TAG: ", ".join(self._told.values())})))
        warn(f"metric {name!r} is {value} at {axis} {step}")


def _may_hold(key: str, pattern: str) -> bool:
    """Whether what stands under ``key`` may be or hold a metric of that name."""
    is_pattern = any(sign in pattern for sign in "*?[")
    return is_pattern or key == pattern or pattern.startswith(f"{key}/")


def as_guards(on_nan: Any) -> dict[str, Action]:
    """What a run's option ``on_nan`` says, by patterns of names.

    Raises:
        TypeError: it is neither a word nor a mapping.
        ValueError: it names no action.
    """
    if on_nan is None:
        return {}
    if isinstance(on_nan, str):
        on_nan = {"*": on_nan}
    if not isinstance(on_nan, Mapping) or not all(isinstance(name, str) for name in on_nan):
        raise TypeError(
            f"on_nan must be 'warn', 'stop' or map names to them, as {{'loss': 'stop'}}; got {shown(on_nan)}"
        )
    for name, action in on_nan.items():
        if action not in _ACTIONS:
            raise ValueError(f"on_nan={{{name!r}: {shown(action)}}} must say what to do: 'warn' or 'stop'")
    return dict(on_nan)
