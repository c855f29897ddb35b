"""What a run inside another one takes over from that."""

from __future__ import annotations

import os
from typing import Any

from msgspec.structs import replace

from .._common.modes import access_to
from .._common.secrets import without_masks
from .._journal.directory import child_directory
from .._journal.records import Parent
from .._values.arguments import as_text
from ..trackers import _configs
from ..trackers.base import BaseTracker
from .attempt import Attempt
from .options import ChildOptions, Options, unexpected


def options_of_child(
    attempt: Attempt, name: str, output_run: str | os.PathLike[str] | None, options: ChildOptions
) -> Options:
    """Those of a run ``name`` inside the one of ``attempt``: the given ``options``, and else the outer run's.

    Raises:
        LifecycleError: the outer run is another process's, and has ended.
        RunDirectoryError: it is another process's, and its directory cannot be seen from here.
        TypeError: there is no such option.
        ValueError: ``name`` is empty.
    """
    if attempt.elsewhere and output_run is None:  # else it needs nothing of the outer run's directory
        attempt.elsewhere.need_there()
    if not as_text("name", name):
        raise ValueError("name must say which child it is, as 'fold-3'")
    for option in options:
        if option not in ChildOptions.__annotations__:
            raise unexpected("child", option, ChildOptions.__annotations__)
    outer = attempt.elsewhere.handle if attempt.elsewhere else attempt.options
    own = Options(
        output_run=output_run or child_directory(attempt.directory, name),
        resume=outer.resume,
        name=name,
        leave=outer.leave,
        on_error=outer.on_error,
        ranks=attempt.options.ranks,
        parent=Parent(uid=attempt.uid, output_run=attempt.directory),
        rank=attempt.rank,
        group_access=attempt.options.group_access or access_to(attempt.directory),
    )
    return replace(own, **options).checked()


def loggers_of_child(attempt: Attempt) -> list[BaseTracker]:
    """Trackers of the same configs as the outer run's.

    Raises:
        TypeError: one cannot be made a second time.
    """
    loggers: Any = attempt.trackers.values()
    if attempt.elsewhere:
        loggers = _configs.build(without_masks(attempt.elsewhere.handle.configs))
    return [_without_alerts(_configs.another(tracker)) for tracker in loggers if not tracker.is_alert]


def _without_alerts(tracker: Any) -> BaseTracker:
    """A child run has its own alerts, if any: W&B's are not those of the outer run."""
    if hasattr(tracker, "alerts"):
        tracker.alerts = []
    made: BaseTracker = tracker
    return made
