"""One attempt at a run: its directory, its journal and its deliveries, from its beginning until it is let go."""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .._common import clock, variables
from .._common.warn import tell
from .._delivery.delivering import Delivering
from .._delivery.undelivered import what_is_left
from .._delivery.waiting import draining, let_go, wait_for_change
from .._journal.directory import default_directory
from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, Finished, attempts_before, finished_epochs
from .._journal.launches import Left, leave_word
from .._journal.records import Begin, Status
from .._journal.spill import child_spill, spill_folder
from .._journal.writers import Copying
from ..errors import LifecycleError, RunDirectoryError
from ..trackers.base import BaseTracker
from . import open_runs
from .background import Background
from .beginning import begin_keeping, begin_without_keeping
from .best import Bests
from .elsewhere import Elsewhere, Handle
from .end_record import truth, write_end
from .epoch_bar import EpochBar
from .guards import Guards, as_guards
from .keeping import Keeping
from .launch import job_key, launch_key
from .life import Life
from .meeting import Met
from .options import Options
from .other_ranks import NoJournal
from .own_places import need_no_runs_own
from .printed import end_console
from .rank import in_use, size_of_launch, who_am_i
from .rewinding import behind
from .sharing import Sharing
from .sigterm import exits_on_sigterm
from .sys_exit import seen_exit
from .telling import LongWait, say_end
from .verdict import as_status

if TYPE_CHECKING:
    from .console import Console


class Attempt:
    """What a run is made of while it goes on. On a rank other than 0 it is the same, with a journal that keeps
    nothing, and without a directory and deliveries.

    Args:
        trackers: by name.
        configs: of each, as the journal tells of it.
        options: as the run was told, checked.

    Attributes:
        output_run: the run's directory.
        directory: the same, as an absolute path.
        life: where it stands.
        rank: this process's, once it has begun.
        is_counted: whether the last loop over the epochs came to its end; None where there was none.
        job: the scheduler's.
        launch: the key of those ranks that were started together, once it has begun.
        size: how many ranks there are; None where nobody says.
        met: on another rank than 0: rank 0's run, if it was met.
        sharing: what is said together with the other ranks, if there are any.
        keeps: whether it keeps what is said: on rank 0, unless ``TRACKLIB_MODE`` switches tracklib off.
        console: keeps what it prints, if it does.
        background: what is written beside the words, until the end.
        elsewhere: in another process than the run's, what was brought there.
        uid: the run's, of all its attempts.
        title: its name, or its directory's.
        parent: the run around this one.
        earlier: the attempt before, once this one has begun.
        guards: what is done about a metric that is no finite number.
        keeping: its checkpoints.
        again: where it went back, the first epoch that is done again.
        journal: where its words go, once it has begun.
        begun: its first record, once it has begun where it is kept.
        copying: what brings the words of other processes into the journal, until the end.
        status: how it ended; ``killed`` until it has.
        deliveries: to its trackers, a CSV file's last.
        owned: what it has of the system, its directory and its journal, to be let go in reverse.
        words: gives the object that says them, which nothing in here holds: None once it is gone.
        bar: the one over the epochs that are being counted.
        at_exit: its status where the interpreter exits and nobody has ended it.
        told: what really leaves the block, as somebody said who saw it become another exception.
        undelivered: once it is let go: in words, what did not arrive; empty if all did.
    """

    journal: Journal

    def __init__(self, trackers: Mapping[str, BaseTracker], configs: list[dict[str, Any]], options: Options) -> None:
        self.trackers = trackers
        self.configs = configs
        self.options = options
        self.life = Life.NEW
        self.rank = 0
        self.keeps = True
        self.uid = uuid.uuid4().hex[:16]
        self.output_run = os.fspath(options.output_run or default_directory(options.name, self.uid))
        self.directory = os.path.abspath(self.output_run)
        self.title = options.name or ""
        self.parent = options.parent
        self.earlier: Earlier | None = None
        self.again: int | None = None
        self.bests = Bests(options.best or {})
        self.guards = Guards(as_guards(options.on_nan))
        self.keeping = Keeping(self.directory)
        self.bar: EpochBar | None = None
        self.deliveries: list[Delivering] = []
        self.undelivered = ""
        self.at_exit = as_status(options.at_exit or Status.KILLED)
        self.told: BaseException | None = None
        self.status = Status.KILLED
        self._words_lent = 0
        self.begun: Begin | None = None
        self.copying: Copying | None = None
        self.launch = ""
        self.job = job_key()
        self.is_counted: bool | None = None
        self.met: Met | None = None
        self.size: int | None = None
        self.sharing: Sharing | None = None
        self.background: Background | None = None
        self.console: Console | None = None
        self.elsewhere: Elsewhere | None = None
        self.words: Callable[[], object] = lambda: self
        self.owned = contextlib.ExitStack()
        self._around = contextlib.ExitStack()

    def go_elsewhere(self, handle: Handle) -> None:
        """This process is another one than the run's."""
        self.uid, self.keeps, self.rank, self.title = handle.uid, handle.keeps, handle.rank, handle.title
        self.elsewhere, self.life = Elsewhere(handle), Life.ELSEWHERE
        self.keeping.go_elsewhere()
        self.guards = Guards(handle.on_nan)

    def begin(self) -> None:
        """Own the directory, open the journal and start the deliveries; on another rank, nothing of it.

        Raises:
            LifecycleError: it has begun before, or one of its trackers is another open run's.
            RunDirectoryError: the directory cannot be written or read, or belongs to a live run.
        """
        if self.life is not Life.NEW:
            raise LifecycleError("this run has begun already: make a new Trackers (or tracking) for each run")
        open_runs.end_forgotten(self)
        open_runs.refuse_shared_trackers(self)
        told = who_am_i() if self.options.rank is None else None
        self.rank = told.number if told else self.options.rank or 0
        is_off = variables.is_switched_off()
        self.keeps = self.rank == 0 and not is_off
        self.launch = "" if is_off else launch_key(told)
        self.size = told.size if told else size_of_launch(self.rank)
        need_no_runs_own(self.directory)
        try:
            (begin_keeping if self.keeps else begin_without_keeping)(self)
        except RunDirectoryError as error:
            if self.keeps and self.launch:
                leave_word(self.directory, Left(self.launch, clock.wall(), refusal=str(error)))
            raise (in_use(error, told) if told and error.in_use else error) from error.__cause__
        self._spill_folder = spill_folder()
        self.life = Life.OPEN
        open_runs.watch(self)
        if self.options.at_exit:
            self._around.enter_context(seen_exit())
            self._around.enter_context(exits_on_sigterm())
        for delivery in self.deliveries:
            delivery.start()

    @property
    def finished(self) -> Finished:
        """The epochs that earlier attempts have finished; on another rank by rank 0's word."""
        if self.met:
            return Finished(self.met.begin.finished, self.met.begin.stopped)
        return behind(finished_epochs(self.directory, self.earlier), self.again) if self.earlier else Finished()

    @functools.cached_property
    def before(self) -> Earlier | None:
        """The attempts before this one; on another rank those before rank 0's."""
        return attempts_before(self.directory, self.met.begin) if self.met else self.earlier

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody has the object any more that could end it."""
        return self.words() is None

    def end(self, status: Status, error: BaseException | None = None) -> None:
        """Write how the run ended, and have the disk hold it. Nothing can be logged after it."""
        if self.life is not Life.OPEN:
            return
        if self.bar:  # a traceback keeps its loop alive, and would be glued to it
            self.bar.close()
        status, error = truth(self, status, error)
        if self.console:
            end_console(self.console, self.words())
        if self.background:
            self.background.end(waits=status is Status.FINISHED)  # nothing stands before any other end
        if self.copying:
            self.copying.end()
        if self.sharing:
            self.sharing.end(waits=status is Status.FINISHED)
        self.keeping.end()
        end = write_end(self, status, error)
        self.life, self.status = Life.ENDED, end.status
        self.journal.sync()

    def leave(self, patience: float) -> None:
        """Wait for the trackers, for at most ``patience`` seconds in which none gets on; then let go."""
        if self.life is Life.ENDED:
            with self._letting_go():
                for _ in self._draining(patience):
                    wait_for_change(self.deliveries, 0.1)

    async def leave_async(self, patience: float) -> None:
        """:meth:`leave` that lets the event loop run meanwhile."""
        import asyncio  # who awaits has it, as a rule

        if self.life is Life.ENDED:
            with self._letting_go():
                for _ in self._draining(patience):
                    await asyncio.sleep(0.02)

    def _draining(self, patience: float) -> Iterator[None]:
        wait = LongWait(self)
        for _ in draining(self.deliveries, patience):
            wait.look()
            yield

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        try:
            yield
        finally:
            try:
                let_go(self.deliveries)
            finally:
                self._around.close()
                open_runs.let_go(self)
                self.life = Life.OVER
                # They know the run, and a circle would keep its files open.
                self.console = self.background = self.copying = self.sharing = None
                with self.owned:
                    self._look_back()

    def _look_back(self) -> None:
        if not self.keeps:
            return
        self.undelivered = what_is_left(self.deliveries, self.journal, self.uid)
        say_end(self, self.status)
        if damaged := max(delivery.damaged for delivery in self.deliveries):
            tell(f"{damaged} damaged lines of {self.journal.path} were passed over")

    def obey_own_rank(self) -> None:
        """In a forked child that was told its rank after the fork: on another one than 0, it keeps nothing.

        It is asked for at the child's 1st, 2nd, 4th, 8th ... word, as to ask takes longer than to log.
        """
        if self.life is not Life.LENT or not self.keeps or self.options.rank is not None:
            return
        self._words_lent += 1
        if not self._words_lent & (self._words_lent - 1) and who_am_i().number:
            self.keeps, self.journal = False, NoJournal()

    def after_fork_in_child(self) -> None:
        """In a forked child: it may log into a run that is going on, and never ends it."""
        self.life = Life.LENT if self.life is Life.OPEN else Life.OVER
        self._words_lent = 0
        self.bar = None  # it is the parent's
        self.bests.start()
        self.keeping.start_in_child()
        self.journal.after_fork_in_child(child_spill(self._spill_folder, self.uid))
        if self.sharing:
            self.sharing.after_fork_in_child()
