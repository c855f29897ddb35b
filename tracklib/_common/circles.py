"""Objects that know each other, without a circle: what is in one keeps its files open until somebody collects garbage,
and a training may have told Python not to."""

from __future__ import annotations

import weakref
from collections.abc import Callable


def while_it_lives(method: Callable[[], None]) -> Callable[[], None]:
    """``method``, a bound one, which does not hold its object, and does nothing once that is gone."""
    known = weakref.WeakMethod(method)

    def call() -> None:
        if (found := known()) is not None:
            found()

    return call
