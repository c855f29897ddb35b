"""Ranks meet: another rank than 0 waits for rank 0's beginning, and takes from it which run this is.

So all of them have the same run, directory and finished epochs, however late one comes, whatever was resumed, and
where no ``output_run`` was given; and what rank 0 is refused is refused to all. Rank 0 waits for nobody.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from .._common import clock
from .._common.started import process_started
from .._common.warn import warn
from .._journal.launches import begun_by, word_beside
from .._journal.records import Begin
from ..errors import RunDirectoryError

PATIENCE = 10.0
PATIENCE_RESUMED = 60.0  # ranks that count different epochs would average what does not belong together
_SLACK = 5_000  # milliseconds that one rank's process may be older than another's
_PAUSE = 0.02

_alone: set[str] = set()  # launches of which this process met nobody: it waits once, and says so once


class Met(NamedTuple):
    """Rank 0's run: where it is, and how its attempt began."""

    directory: str
    begin: Begin


def meet(directory: str, launch: str, rank: int, is_given: bool, resumes: bool) -> Met | None:
    """Rank 0's run, once it has begun; None where none comes in time, which a warning says.

    Args:
        directory: this rank's.
        launch: the key.
        rank: this process's.
        is_given: whether the user gave the directory; else it is rank 0's to choose.
        resumes: whether the run may have been begun before: then there is no going on without it.

    Raises:
        RunDirectoryError: rank 0 was refused the directory; or none comes, and it would be resumed.
    """
    since = process_started() - _SLACK
    patience = PATIENCE_RESUMED if resumes else PATIENCE
    until = clock.steady() + (0.0 if launch in _alone else patience)
    while True:
        left = word_beside(directory, launch, since)
        if left and left.refusal:
            raise RunDirectoryError(f"rank 0: {left.refusal}", in_use=False)
        there = directory if is_given else left.directory if left else ""
        if there and (begin := begun_by(there, launch, since)):
            return Met(there, begin)
        if clock.steady() >= until:
            if launch not in _alone or resumes:
                _alone.add(launch)
                _say_that_none_came(directory if is_given else os.path.dirname(directory), rank, resumes)
            return None
        time.sleep(_PAUSE)


def _say_that_none_came(directory: str, rank: int, resumes: bool) -> None:
    text = (
        f"rank {rank} finds no run of rank 0 in {directory}, and keeps nothing: if it is a run of its own, say rank=0; "
        "else have all ranks see that directory, and enter the block at about the same time"
    )
    if resumes:
        raise RunDirectoryError(f"{text}. With resume=True they would not count the same epochs")
    warn(text)
