"""Where a run stands between its beginning and its being let go."""

from __future__ import annotations

import enum


class Life(enum.Enum):
    """The stages of a run, in order. Only one that is open, lent or elsewhere can be logged into."""

    NEW = enum.auto()  # made, and not begun
    OPEN = enum.auto()  # going on
    LENT = enum.auto()  # going on, in a forked child: it may log, and never ends the run
    ENDED = enum.auto()  # its end is written, and its trackers are waited for
    OVER = enum.auto()  # let go: the directory may be another run's
    ELSEWHERE = enum.auto()  # going on in another process: what is said here is written into a file of its own
