"""A run in another process than its own: what a pickle carries there, and the file into which it logs there."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec.structs import replace

from .._journal.directory import cannot_be_used
from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, earlier_run
from .._journal.writers import Writer
from ..errors import LifecycleError, RunDirectoryError
from .background import keep_synced
from .other_ranks import NoJournal

if TYPE_CHECKING:
    from .attempt import Attempt


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """What a pickled run carries to another process: a few strings, and no secret. What is masked in ``configs`` is
    taken from that process's environment."""

    uid: str
    directory: str
    host: str
    name: str | None
    title: str
    configs: list[dict[str, Any]]
    keeps: bool
    resume: bool
    leave: Literal["wait", "later"]
    on_error: Literal["warn", "raise"]
    rank: int
    best: dict[str, Literal["min", "max"]]
    on_nan: dict[str, Literal["warn", "stop"]]
    epoch: int | None = None


def handle_of(attempt: Attempt, epoch: int | None) -> Handle:
    """What another process needs to say something in the run; ``epoch`` is the one that is going on, if one is."""
    if attempt.elsewhere:
        return replace(attempt.elsewhere.handle, epoch=epoch)
    options = attempt.options
    return Handle(
        uid=attempt.uid,
        directory=attempt.directory,
        host=socket.gethostname(),
        name=options.name,
        title=attempt.title,
        configs=attempt.configs,
        keeps=attempt.keeps,
        rank=attempt.rank,
        best=dict(attempt.bests.modes),
        on_nan=attempt.guards.actions,
        resume=options.resume,
        leave=options.leave,
        on_error=options.on_error,
        epoch=epoch,
    )


_opening: dict[int, threading.Lock] = {}  # by the process: a forked child may inherit one that is held


class Elsewhere:
    """The run in this process, where nobody owns it.

    Attributes:
        handle: what travelled here.
    """

    def __init__(self, handle: Handle) -> None:
        self.handle = handle
        self._opened: dict[int, Journal] = {}  # by the process, as this one may fork

    def journal(self) -> Journal:
        """Where the words go that are said here: into a file of this process's own, made at the first of them.

        Raises:
            LifecycleError, RunDirectoryError: see :meth:`need_there`.
        """
        process = os.getpid()
        opened = self._opened.get(process)
        if opened is None:
            with _opening.setdefault(process, threading.Lock()):
                opened = self._opened.get(process) or self._open()
                self._opened = {process: opened}
        return opened

    def need_there(self) -> Earlier:
        """The run, as its directory tells of it.

        Raises:
            LifecycleError: it has ended.
            RunDirectoryError: the directory cannot be seen from here, or is another run's.
        """
        handle, found = self.handle, None
        with contextlib.suppress(OSError):
            found = earlier_run(handle.directory)
        if found is None:
            raise RunDirectoryError(_unseen(handle))
        if found.begin.uid != handle.uid:
            raise RunDirectoryError(
                f"{handle.directory} is another run's by now ({found.begin.uid}, not {handle.uid}): nothing is "
                "logged there"
            )
        if found.end is not None:
            raise LifecycleError(
                f"the run in {handle.directory} has ended ({found.end.status}), and this process has said nothing in "
                "it so far: it can be logged no more; have the run wait for its workers, or begin a new one"
            )
        return found

    def _open(self) -> Journal:
        if not self.handle.keeps:
            return NoJournal()
        begin = self.need_there().begin
        try:
            journal = Writer(self.handle.directory, begin)
        except OSError as error:
            raise cannot_be_used(self.handle.directory, error) from error
        keep_synced(journal)
        return journal


def _unseen(handle: Handle) -> str:
    here = socket.gethostname()
    other = f"the run is on {handle.host}" if handle.host != here else "it is the same host, perhaps another container"
    return (
        f"the run's directory {handle.directory} cannot be seen from this process, on {here} ({other}), and a worker "
        "logs into a file in it: put output_run on a file system that both see, return the metrics to the process that "
        "began the run, or begin a run of its own here: t.child(name, output_run=...)"
    )
