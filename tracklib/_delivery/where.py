"""Where a tracker's records are delivered: in the companion, or in a thread of this process."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .._common import variables
from .._common.secrets import error_text
from .._common.warn import warn
from .._journal.handover import wait_for_deliverer
from .._journal.records import Begin
from ..trackers._elsewhere import options_elsewhere
from ..trackers.base import BaseTracker
from .companion import Companion, companion
from .delivering import Delivering
from .delivery import Delivery
from .put_off import PutOff
from .remote import RemoteDelivery

_told: set[str] = set()


class Place(NamedTuple):
    """The run whose journal is delivered: its directory, how its attempt began, the journal's path."""

    directory: str
    begin: Begin
    journal: str
    later: bool = False


def deliveries_of(
    wanted: Iterable[tuple[str, BaseTracker, str]],
    place: Place,
    heartbeat: Callable[[], None],
    connected: Callable[[], None],
) -> list[Delivering]:
    """A delivery for each name, tracker and config's fingerprint, in their order; none has started.

    A tracker with an SDK is delivered by the companion. One that says ``in_process``, that is the user's own, or
    that needs no package is delivered in a thread here, as are all where no process can be begun: for those, what
    they import is imported now, in the caller's thread. A module that a thread imports is seen half made by
    everybody, and a child that is forked meanwhile waits for it for ever. Offline, what needs a package is put off.
    Two never deliver one run to a tracker: the companion of an earlier attempt, which may be in a call still, is
    waited for.

    Raises:
        RunDirectoryError: it still is after a minute.
    """
    made: list[Delivering] = []
    for name, tracker, config in wanted:
        if (tracker.requires or tracker.in_companion) and variables.is_offline():
            made.append(PutOff(tracker, name, place.journal))
            continue
        options = options_elsewhere(tracker)
        there = _companion() if options is not None else None
        if there is not None and options is not None:
            made.append(RemoteDelivery(there, tracker, options, name, *place[:3], config, later=place.later))
        else:
            _import_for(tracker)
            if tracker.requires or tracker.in_companion:
                wait_for_deliverer(place.directory)
            made.append(Delivery(tracker, name, *place[:3], heartbeat, connected, config, imports=False))
    return made


def _companion() -> Companion | None:
    if not variables.wants_companion():
        return None
    try:
        return companion()
    except OSError as error:
        _tell_once(
            f"no companion process can be begun here ({error_text(error)}): the trackers' packages are imported into "
            "this process, and deliver in threads of it"
        )
        return None


def _tell_once(text: str) -> None:
    if text not in _told:
        _told.add(text)
        warn(text)


def _import_for(tracker: BaseTracker) -> None:
    """What cannot be imported is told when the tracker connects."""
    for module in (*_as_tuple(tracker.requires), *tracker.imports):
        if module not in sys.modules:
            with contextlib.suppress(Exception):
                importlib.import_module(module)


def _as_tuple(requires: Any) -> tuple[str, ...]:
    return (requires,) if isinstance(requires, str) else tuple(requires)
