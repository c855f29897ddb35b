"""Where runs are; opening a run's journal to read it, and reading on in it."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .._journal import layout
from .._journal.kept import Kept, place_in
from .._journal.reader import Reader
from .._journal.records import Record, Superseded, counting
from .._journal.stretches import Stretch, grouped
from ..errors import RunDirectoryError

T = TypeVar("T")
_INSIDE = {layout.CHILDREN, layout.PREVIOUS}


def directories_under(root: str, *, inner: bool = False) -> Iterator[str]:
    """The directories of all runs in ``root``, itself among them, by their names; no link is followed. One that may
    not be looked into is taken for a run's: who reads it says so.

    Args:
        root: where to look.
        inner: whether to look into the runs, too: for their children and the previous ones.
    """
    try:
        with os.scandir(root) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except PermissionError:
        yield root
        return
    except OSError:  # it was moved meanwhile
        return
    is_run = any(entry.name == layout.JOURNAL for entry in entries)
    if is_run:
        yield root
    for entry in entries:
        if (not is_run or (inner and entry.name in _INSIDE)) and entry.is_dir(follow_symlinks=False):
            yield from directories_under(entry.path, inner=inner)


@contextlib.contextmanager
def journal_of(directory: str) -> Iterator[Reader]:
    """A reader at the beginning of the journal in ``directory``, for the length of a block.

    Raises:
        RunDirectoryError: there is none, or it cannot be read; also where the block meets an ``OSError``.
    """
    path = layout.journal_path(directory)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would wait for its writer
            raise RunDirectoryError(f"{directory} holds no run: its {layout.JOURNAL} is no file")
        with contextlib.closing(Reader(path)) as reader:
            yield reader
    except OSError as error:
        raise unreadable(directory, error) from error


class MoreSuperseded(Exception):
    """What was folded before counts no more: all is to be read once more, by who knows what is ``superseded``."""

    def __init__(self, superseded: list[Superseded]) -> None:
        self.superseded = superseded
        super().__init__()


def read_on(
    reader: Reader,
    kept: Kept[T],
    take: Callable[[Iterable[Stretch | Record]], None],
    superseded: list[Superseded],
) -> Kept[T]:
    """Have ``take`` fold what the journal holds behind the place of ``kept``, which is in it, into its value: but for
    what is ``superseded``.

    Raises:
        MoreSuperseded: something further is, that may be in the value already.
    """
    place = kept.place
    reader.go_to(place.offset, place.ordinal)
    while any(read := reader.read_apart()):
        logs, others = read
        known = [] if place.offset else superseded
        if new := [each for each in others if isinstance(each, Superseded) and each not in known]:
            raise MoreSuperseded([*superseded, *(each for each in new if each not in superseded)])
        take([*counting(others, superseded), *grouped(counting(logs, superseded))])
    if reader.offset == place.offset:
        return kept
    return Kept(place_in(reader.fileno(), reader.offset, reader.ordinal, place.damaged + reader.damaged), kept.value)


def unreadable(directory: str, error: OSError) -> RunDirectoryError:
    """The error that says why there is no run to be read, and how to mend it."""
    if isinstance(error, RunDirectoryError):
        return error
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return RunDirectoryError(
            f"{directory} holds no run: there is no {layout.JOURNAL} in it; `tracklib ls DIR` lists the runs below DIR"
        )
    mend = ": ask its owner, or root, for the permission" if isinstance(error, PermissionError) else ""
    return RunDirectoryError(f"the run in {directory} cannot be read ({error.strerror or error}){mend}")
