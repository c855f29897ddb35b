"""The packages that a tracker needs, where it is delivered."""

from __future__ import annotations

import importlib
import sys
import threading

from ..errors import TrackerBlocked
from ..trackers.base import BaseTracker

_importing = threading.Lock()


def need_packages(tracker: BaseTracker, imports: bool) -> None:
    """See that what ``tracker`` requires is imported; import it, where this thread ``imports``.

    Raises:
        TrackerBlocked: it is not imported yet, and this thread may not import it.
        ImportError: it is not installed.
        BaseException: what the package raised while it was imported.
    """
    for package in tracker.requires:
        if package in sys.modules:
            continue
        if not imports:
            raise TrackerBlocked(f"{package} could not be imported when the run began")
        with _importing:  # two SDKs at once would see each other's half made modules
            importlib.import_module(package)
