"""A tracker with one fault, which by its name is the same."""

from __future__ import annotations

from typing import Any

from ..trackers.base import BaseTracker


def faulty(kind: type[BaseTracker], config: dict[str, Any], **methods: Any) -> BaseTracker:
    """A tracker of ``kind`` with some methods replaced, which lives in this process, and by its name is the same."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    options = {name: value for name, value in config.items() if name != "type"}
    made: BaseTracker = type(kind.__name__, (kind,), {**names, **methods})(**options)
    made._options, made.in_process = options, True
    return made
