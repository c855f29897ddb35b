"""A tracker that is to live in another process: whether it may, and what makes the same one there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._values.plain import plain
from ._identity import BUILT_IN, told_portion, type_name
from ._kinds import find
from ._plug_ins import offered_by
from ._portion import portion_in
from .base import BaseTracker

_OF_THE_PLACE = ("output_run", "in_process")


def options_elsewhere(tracker: BaseTracker) -> dict[str, Any] | None:
    """The options that make the same tracker in another process; None where it is to stay in this one.

    It stays if it says ``in_process``, if it needs no package, and if it is the user's own: an object that may hold
    anything, of a class that the program itself may define.
    """
    kind = type(tracker)
    if tracker.in_process or not (tracker.requires or kind.in_companion):
        return None
    if type_name(kind) in BUILT_IN:
        kept: Mapping[str, Any] = {name: getattr(tracker, name) for name in kind.config_schema}
    elif offered_by(kind):
        kept = tracker._options
    else:
        return None
    told = {name: plain(value) for name, value in kept.items() if name not in _OF_THE_PLACE}
    return {**told, **told_portion(tracker)}


def made(type_: str, options: Mapping[str, Any]) -> BaseTracker:
    """The tracker that :func:`options_elsewhere` was asked about in another process."""
    kind = find(type_)
    own, portion = portion_in(kind, options)
    tracker = kind(**own)
    tracker._portion = portion
    return tracker
