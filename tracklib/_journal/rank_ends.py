"""How other ranks than 0 ended: each that did not end well says so in its file; one that was killed could not.

What one failed of is why the run failed: rank 0 sees of it only that a connection closed, or SIGTERM from the launcher.
"""

from __future__ import annotations

import contextlib
import time
from typing import NamedTuple

from msgspec.structs import replace

from ..errors import RunDirectoryError
from . import layout
from .encoding import marker
from .journal import SYNC_SECONDS
from .lock import Holding, holding, holding_of
from .records import Begin, End, Status
from .tail import last_record


class _Rank(NamedTuple):
    """A rank in an attempt: ``end`` is None where it said none; ``locks`` says whether a lock tells that it lives."""

    number: int
    path: str
    end: End | None
    locks: bool


def as_ranks_ended(directory: str, begin: Begin, end: End, is_now: bool = False) -> End:
    """``end``, or the one by which the run failed: what another rank failed of before, or that one was killed; and
    where rank 0 ended well, what one failed of afterwards.

    Args:
        directory: the run's.
        begin: how the attempt began.
        end: rank 0's.
        is_now: whether rank 0 ends now: what was killed already, was so before it.
    """
    if not begin.launch:
        return end
    ended_well = end.status is Status.FINISHED
    ranks = _ranks_of(directory, begin)
    if (failed := _first_failure(ranks)) and (ended_well or failed.time <= end.time):
        return replace(failed, time=max(end.time, failed.time))
    if (is_now or ended_well) and (killed := _killed(ranks, begin, is_sure=not ended_well)):
        return End(time=end.time, status=Status.FAILED, error=end.error, message=_in_words(killed))
    return end


def why_gone(directory: str, begin: Begin, rank: int) -> str:
    """Why nothing more comes of a rank, in words; empty where it may live, as far as the directory tells."""
    if rank == 0:
        return "has left its run, or was killed" if holding(directory) is Holding.FREE else ""
    found = _rank_in(rank, layout.rank_path(directory, rank), begin)
    if found and found.end:
        message = f" ({found.end.message})" if found.end.message else ""
        return f"has left its run: {found.end.status}{message}"
    return "was killed" if found and found.locks and holding_of(found.path) is Holding.FREE else ""


def _in_words(killed: list[int]) -> str:
    *others, last = killed
    return f"ranks {', '.join(map(str, others))} and {last} were killed" if others else f"rank {last} was killed"


def failed_rank(directory: str, begin: Begin) -> End | None:
    """What a rank failed of in an attempt of which rank 0 says no end; None where none did."""
    return _first_failure(_ranks_of(directory, begin)) if begin.launch else None


def _first_failure(ranks: list[_Rank]) -> End | None:
    failures = [(rank.end.time, rank) for rank in ranks if rank.end and rank.end.status is Status.FAILED]
    _, rank = min(failures, default=(0, None))
    return replace(rank.end, message=f"rank {rank.number}: {rank.end.message}") if rank and rank.end else None


def _killed(ranks: list[_Rank], begin: Begin, is_sure: bool) -> list[int]:
    """Those whose process is gone without a word. A lock that a live process lost it takes again within a second, for
    which is waited where the run would not have failed otherwise."""
    dead = [rank for rank in ranks if rank.end is None and rank.locks and holding_of(rank.path) is Holding.FREE]
    if dead and not is_sure:
        time.sleep(1.2 * SYNC_SECONDS)
        dead = [rank for rank in dead if holding_of(rank.path) is Holding.FREE and not _has_left(rank, begin)]
    return [rank.number for rank in dead]


def _has_left(rank: _Rank, begin: Begin) -> bool:
    """Whether it has ended since."""
    now = _rank_in(rank.number, rank.path, begin)
    return now is None or now.end is not None


def _ranks_of(directory: str, begin: Begin) -> list[_Rank]:
    """Those that have a file in the attempt that began with ``begin``."""
    found = [_rank_in(number, path, begin) for number, path in sorted(layout.ranks_of(directory).items())]
    return [rank for rank in found if rank]


def _rank_in(number: int, path: str, begin: Begin) -> _Rank | None:
    with contextlib.suppress(OSError, RunDirectoryError):  # it has just left; a newer version's
        own, at = last_record(path, Begin, marker(Begin)) or (None, 0)
        if isinstance(own, Begin) and (own.uid, own.attempt) == (begin.uid, begin.attempt):
            end, _ = last_record(path, End, marker(End), behind=at) or (None, 0)
            return _Rank(number, path, end if isinstance(end, End) else None, own.locks)
    return None
