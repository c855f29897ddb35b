"""How other ranks than 0 ended: each that did not end well says so in a file of its own, ``ranks/<rank>.jsonl``.

What one failed of is why the run failed: rank 0 sees of it only that a connection closed, or SIGTERM from the launcher.
"""

from __future__ import annotations

import contextlib
import os

from msgspec.structs import replace

from .._common.files import make_folder
from .._common.open_file import open_made
from ..errors import RunDirectoryError
from . import layout
from .encoding import encode
from .lines import line_of
from .reader import Reader
from .records import Begin, End, Status


def say_rank_end(directory: str, rank: int, begin: Begin, end: End) -> None:
    """Keep how ``rank`` ended in the attempt that began with ``begin``. Where the disk refuses, it is not kept."""
    path = layout.rank_path(directory, rank)
    own = replace(begin, name=f"rank {rank}", pid=os.getpid(), configs=[], files=[], time=end.time)
    with contextlib.suppress(OSError):
        make_folder(os.path.dirname(path))
        fd = open_made(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, b"".join(line_of(encode(record)) for record in (own, end)))
        finally:
            os.close(fd)


def as_ranks_ended(directory: str, begin: Begin, end: End) -> End:
    """``end``, or the one by which the run failed: what another rank failed of before, and where rank 0 ended well,
    what one failed of afterwards."""
    if not begin.launch:
        return end
    rank, first = _first_failure(directory, begin)
    if first is None or (end.status is not Status.FINISHED and first.time > end.time):
        return end
    message = f"rank {rank}: {first.message}"
    return End(time=max(end.time, first.time), status=Status.FAILED, error=first.error, message=message)


def _first_failure(directory: str, begin: Begin) -> tuple[int, End | None]:
    failures = [
        (end.time, rank, end)
        for rank, path in layout.ranks_of(directory).items()
        if (end := _end_in(path, begin)) and end.status is Status.FAILED
    ]
    _, rank, end = min(failures, key=lambda failure: failure[:2], default=(0, 0, None))
    return rank, end


def _end_in(path: str, begin: Begin) -> End | None:
    """How the rank ended in the attempt that began with ``begin``."""
    found, is_there = None, False
    with contextlib.suppress(OSError, RunDirectoryError), contextlib.closing(Reader(path)) as reader:
        for entry in reader.records():
            record = entry.record
            if isinstance(record, Begin):
                is_there = (record.uid, record.attempt) == (begin.uid, begin.attempt)
            elif isinstance(record, End) and is_there:
                found = record
    return found
