"""What is a run's own in its directory: no option of a tracker leads there, and no other run begins there."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .._common.secrets import redact_text
from .._journal import layout
from ..errors import ConfigError, RunDirectoryError
from ..trackers.base import BaseTracker


def need_free_places(trackers: Iterable[BaseTracker], directory: str) -> None:
    """See that no tracker was told to write where the run in ``directory`` keeps something itself.

    Raises:
        ConfigError: with all that were.
    """
    problems = []
    for tracker in trackers:
        for option, path in tracker._places().items():
            if own := _own_part(path, directory):
                problems.append(
                    f"{type(tracker).__name__}'s {option}={redact_text(path)!r} leads to {own!r}, which the run keeps "
                    f"in its directory itself: choose a path outside of {directory}"
                )
    if problems:
        raise ConfigError(problems)


def _own_part(path: str, directory: str) -> str:
    """What of the run's own ``path`` is, or lies in; empty where it is elsewhere. What leads to it by links is it."""
    try:
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(directory))
    except (OSError, ValueError):  # no path at all: the tracker says so itself
        return ""
    first = inside.split(os.sep, 1)[0]
    return first if layout.is_own(first) else ""


def need_no_runs_own(directory: str) -> None:
    """See that ``directory`` is nowhere in what another run keeps in its own directory: it would move away with it.

    Raises:
        RunDirectoryError: it is.
    """
    path = directory
    while (around := os.path.dirname(path)) != path:
        name = os.path.basename(path)
        holds_runs = path != directory and name.casefold() in (layout.CHILDREN, layout.PREVIOUS)
        if layout.is_own(name) and not holds_runs and os.path.lexists(layout.journal_path(around)):
            raise RunDirectoryError(
                f"{directory} is where the run in {around} keeps something itself: choose another output_run"
            )
        path = around
