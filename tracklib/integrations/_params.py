"""Params that a framework says at each fit, told to a run once."""

from __future__ import annotations

import weakref
from typing import Any

from .. import Status, Trackers
from .._values.arguments import as_params

_told: weakref.WeakKeyDictionary[Trackers, dict[str, Any]] = weakref.WeakKeyDictionary()


def tell_once(run: Trackers, params: Any) -> None:
    """Log what of ``params`` the run was not told already, by whomever."""
    told = _told.setdefault(run, {})
    new = {name: value for name, value in as_params(params).items() if name not in told or told[name] != value}
    if new:
        told.update(new)
        run.log_params(new)


def next_attempt(run: Trackers) -> Trackers:
    """The same run again, begun; it knows its params, and has finished where nobody ends it."""
    again = run.again()
    again.at_exit = Status.FINISHED
    _told[again] = _told.get(run, {})
    again.init()
    return again
