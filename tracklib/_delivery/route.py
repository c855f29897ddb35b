"""What one delivery is of: which run goes to which tracker."""

from __future__ import annotations

from typing import NamedTuple

from .._journal.records import Begin
from ..trackers.base import BaseTracker


class Route(NamedTuple):
    """From a run's journal to one tracker.

    ``name`` is what messages and the state file call the tracker, ``directory`` the run's, ``begin`` how its attempt
    began, ``journal`` the file's path, and ``config`` tells the tracker's config from others.
    """

    tracker: BaseTracker
    name: str
    directory: str
    begin: Begin
    journal: str
    config: str = ""
