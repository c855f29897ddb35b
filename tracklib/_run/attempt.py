"""One attempt at a run: its directory, its journal and its deliveries, from its beginning until it is let go."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

from msgspec.structs import replace

from .._common import clock, variables
from .._common.secrets import error_text
from .._common.warn import tell
from .._delivery.delivering import Delivering
from .._delivery.delivery import Delivery
from .._delivery.undelivered import what_is_left
from .._delivery.waiting import draining, let_go, wait_for_change
from .._delivery.where import Place, deliveries_of
from .._journal import layout
from .._journal.directory import cannot_be_used, default_directory, owned, set_aside
from .._journal.format import FORMAT
from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, Finished, earlier_run, finished_epochs, settled
from .._journal.launches import Left, leave_word, take_back
from .._journal.rank_ends import as_ranks_ended, say_rank_end
from .._journal.records import Begin, End, Log, Params, Status, Tags
from .._journal.sketch import Sketch
from .._journal.spill import child_spill, spill_folder
from .._journal.state import store_begin
from .._journal.writers import Copying, Told
from ..errors import LifecycleError, RunDirectoryError
from ..trackers import _identity
from ..trackers.base import BaseTracker
from . import open_runs
from .background import Background
from .best import Bests
from .elsewhere import Elsewhere, Handle
from .epoch_bar import EpochBar
from .launch import is_another_task, job_key, launch_key
from .life import Life
from .meeting import Met, meet
from .options import Options
from .other_ranks import NoJournal
from .preemption import has_come
from .rank import in_use, who_am_i
from .sigterm import exits_on_sigterm
from .sys_exit import seen_exit
from .telling import LongWait, say_end, say_moved
from .verdict import as_status, is_behind, status_of, tag_of

LEAVING_SECONDS = 60.0  # a job that is queued again may come while the earlier one is still being left


class Attempt:
    """What a run is made of while it goes on. On a rank other than 0 it is the same, with a journal that keeps
    nothing, and without a directory and deliveries.

    Args:
        trackers: by name.
        configs: of each, as the journal tells of it.
        options: checked.

    Attributes:
        output_run: the run's directory.
        directory: the same, as an absolute path.
        life: where it stands.
        rank: this process's, once it has begun.
        is_counted: whether the last loop over the epochs came to its end; None where there was none.
        job: the scheduler's.
        launch: the key of those ranks that were started together, once it has begun.
        met: on another rank than 0: rank 0's run, if it was met.
        keeps: whether it keeps what is said: on rank 0, unless ``TRACKLIB_MODE`` switches tracklib off.
        background: what is written beside the words, until the end.
        elsewhere: in another process than the run's, what was brought there.
        uid: the run's, of all its attempts.
        title: its name, or its directory's.
        parent: the run around this one.
        earlier: the attempt before, once this one has begun.
        journal: where its words go, once it has begun.
        words: gives the object that says them, which nothing in here holds: None once it is gone.
        bar: the one over the epochs that are being counted.
        at_exit: its status where the interpreter exits and nobody has ended it.
        told: what really leaves the block, as somebody said who saw it become another exception.
        undelivered: once it is let go: in words, what did not arrive; empty if all did.
    """

    journal: Journal

    def __init__(self, trackers: Mapping[str, BaseTracker], configs: list[dict[str, Any]], options: Options) -> None:
        self.trackers = trackers
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
        self.bests = Bests(options.best or {})
        self.bar: EpochBar | None = None
        self.deliveries: list[Delivering] = []
        self.undelivered = ""
        self.at_exit = as_status(options.at_exit or Status.KILLED)
        self.told: BaseException | None = None
        self._status = Status.KILLED
        self._words_lent = 0
        self._configs = configs
        self._begin: Begin | None = None
        self._copying: Copying | None = None
        self.launch = ""
        self.job = job_key()
        self.is_counted: bool | None = None
        self.met: Met | None = None
        self.background: Background | None = None
        self.elsewhere: Elsewhere | None = None
        self.words: Callable[[], object] = lambda: self
        self._resources = contextlib.ExitStack()
        self._around = contextlib.ExitStack()

    def go_elsewhere(self, handle: Handle) -> None:
        """This process is another one than the run's."""
        self.uid, self.keeps, self.rank, self.title = handle.uid, handle.keeps, handle.rank, handle.title
        self.elsewhere, self.life = Elsewhere(handle), Life.ELSEWHERE

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
        try:
            (self._begin_keeping if self.keeps else self._begin_without_keeping)()
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

    def _begin_keeping(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                owned(self.directory, self.options.group_access, LEAVING_SECONDS * self.options.preemptible)
            )
            self.journal = journal = self._open_journal()
            stack.callback(journal.let_go)
            self._begin = begin = self._say_begin()
            fingerprints = _identity.fingerprints(self._configs)
            wanted = [(*named, config) for named, config in zip(self.trackers.items(), fingerprints, strict=True)]
            place = Place(self.directory, begin, journal.path, later=self.options.leave == "later")
            # What the deliveries hold must not hold this object: without the garbage collector, it would never be gone.
            hear = functools.partial(_hear, self.bests, journal)
            self._copying = copying = Copying(self.directory, journal, begin.uid, begin.attempt == 1, hear)
            tick = functools.partial(_tick, journal, copying)
            self.deliveries = deliveries_of(wanted, place, tick, open_runs.come_first_at_exit)
            csv = self.deliveries[-1]
            assert isinstance(csv, Delivery)
            csv.show_to(Sketch(self.directory, begin.uid))  # it reads the whole journal
            self._resources = stack.pop_all()

    def _begin_without_keeping(self) -> None:
        options = self.options
        resumes = options.resume or options.preemptible
        if options.output_run:
            open_runs.refuse_taken(self)
        if self.launch:
            self.met = meet(self.directory, self.launch, self.rank, bool(options.output_run), resumes)
        if self.met:
            self.directory, self.uid, self.title = self.met.directory, self.met.begin.uid, self.met.begin.name
            self.output_run = os.fspath(options.output_run or self.directory)
        try:  # for the epochs to go on alike
            self.earlier = earlier_run(self.directory) if resumes and not self.met else None
        except OSError as error:
            raise cannot_be_used(self.directory, error) from error
        self.journal = NoJournal()

    def _open_journal(self) -> Journal:
        directory = self.directory
        try:
            earlier = self._taken_up()
            say_moved(self, set_aside(directory, self._files, earlier))
            journal = Journal(layout.journal_path(directory), tell, after=earlier.time if earlier else 0)
            if earlier:
                self.earlier = settled(journal, earlier)
                self.uid = earlier.begin.uid
                self.bests.go_on(directory, self.earlier)
            return journal
        except OSError as error:
            raise cannot_be_used(directory, error) from error

    def _taken_up(self) -> Earlier | None:
        """The run that goes on; None where a new one begins.

        Raises:
            RunDirectoryError: it is another task's of the same array, which is never meant.
        """
        options = self.options
        found = earlier_run(self.directory) if options.resume or options.preemptible else None
        if found and is_another_task(self.job, found.begin.job):
            raise RunDirectoryError(
                f"{self.directory} holds the run of another task of the same array ({found.begin.job}, and this is "
                f"{self.job}): give each task a directory of its own, with SLURM_ARRAY_TASK_ID in its name"
            )
        return found if found and (options.resume or self._is_same_job(found)) else None

    def _is_same_job(self, found: Earlier) -> bool:
        """Whether a job goes on with what is there: with its own run, or one that was preempted or cut off."""
        end = found.end
        if end is None or (self.job and self.job == found.begin.job):
            return True
        was_cut_off = end.status is Status.KILLED and not end.error
        return was_cut_off or end.status is Status.PREEMPTED

    @property
    def _files(self) -> Iterable[str]:
        return [file for tracker in self.trackers.values() for file in tracker.files]

    def _say_begin(self) -> Begin:
        before, journal, options = self.earlier.begin if self.earlier else None, self.journal, self.options
        self.title = self.title or (before.name if before else os.path.basename(self.directory))
        begin = Begin(
            time=journal.now(later=True),  # than the end of an earlier attempt
            format=FORMAT,
            uid=self.uid,
            attempt=before.attempt + 1 if before else 1,
            name=self.title,
            pid=os.getpid(),
            host=socket.gethostname(),
            configs=self._configs,
            files=list(dict.fromkeys([*(before.files if before else ()), *self._files])),
            parent=self.parent or (before.parent if before else None),
            job=self.job,
        )
        if self.launch:
            finished = self.finished
            begin = replace(begin, launch=self.launch, finished=finished.epochs, stopped=finished.stopped)
        journal.append(begin)
        with contextlib.suppress(OSError):  # the journal has it
            store_begin(self.directory, begin)
        self._tell_ranks(begin)
        if options.params:
            journal.append(Params(time=journal.now(), params=options.params))
        if options.tags:
            tags = cast(dict[str, str], options.tags)  # checked
            journal.append(Tags(time=journal.now(), tags=tags))
        return begin

    @property
    def finished(self) -> Finished:
        """The epochs that earlier attempts have finished; on another rank by rank 0's word."""
        if self.met:
            return Finished(self.met.begin.finished, self.met.begin.stopped)
        return finished_epochs(self.directory, self.earlier) if self.earlier else Finished()

    def _tell_ranks(self, begin: Begin) -> None:
        """Where the run is, if they cannot know."""
        if begin.launch and self.options.output_run:
            take_back(self.directory, begin.launch)
        elif begin.launch:
            leave_word(self.directory, Left(begin.launch, clock.wall(), directory=self.directory))

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
        if has_come() and self.is_counted is not True and _may_be_preempted(status, error):
            status = Status.PREEMPTED
        if self.background:
            self.background.end(waits=status is Status.FINISHED)  # nothing stands before any other end
        if self._copying:
            self._copying.end()
        if self.told and status in (Status.FINISHED, Status.FAILED) and _stands_for(error, self.told):
            error, status = self.told, status_of(self.told)
        journal, kind = self.journal, type(error).__name__ if error else ""
        if tag := tag_of(error):
            journal.append(Tags(time=journal.now(), tags={tag: ""}))
        end = End(time=journal.now(), status=status, error=kind, message=error_text(error) if error else "")
        if self.met and status is not Status.FINISHED:
            say_rank_end(self.directory, self.rank, self.met.begin, end)
        if self._begin:
            end = as_ranks_ended(self.directory, self._begin, end)
        journal.append(end)
        self.life, self._status = Life.ENDED, end.status
        journal.sync()

    def leave(self, patience: float) -> None:
        """Wait for the trackers, for at most ``patience`` seconds in which none gets on; then let go."""
        if self.life is Life.ENDED:
            with self._letting_go():
                for _ in self._draining(patience):
                    wait_for_change(self.deliveries, 0.1)

    async def leave_async(self, patience: float) -> None:
        """:meth:`leave` that lets the event loop run meanwhile."""
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
                self.background = self._copying = None  # they know the run, and a circle would keep its files open
                with self._resources:
                    self._look_back()

    def _look_back(self) -> None:
        if not self.keeps:
            return
        self.undelivered = what_is_left(self.deliveries, self.journal, self.uid)
        say_end(self, self._status)
        if damaged := max(delivery.damaged for delivery in self.deliveries):
            tell(f"{damaged} damaged lines of {self.journal.path} were passed over")

    def handle(self, epoch: int | None) -> Handle:
        """What another process needs to say something in the run."""
        if self.elsewhere:
            return replace(self.elsewhere.handle, epoch=epoch)
        options = self.options
        return Handle(
            uid=self.uid,
            directory=self.directory,
            host=socket.gethostname(),
            name=options.name,
            title=self.title,
            configs=self._configs,
            keeps=self.keeps,
            rank=self.rank,
            resume=options.resume,
            leave=options.leave,
            on_error=options.on_error,
            epoch=epoch,
        )

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
        self.journal.after_fork_in_child(child_spill(self._spill_folder, self.uid))


def _stands_for(error: BaseException | None, told: BaseException) -> bool:
    """Whether ``error``, which leaves, is what became of ``told``: a framework exits where it is interrupted."""
    return isinstance(error, SystemExit) or is_behind(error, told)


def _may_be_preempted(status: Status, error: BaseException | None) -> bool:
    """Whether a run that was told to make room may have ended so for that."""
    return status in (Status.FINISHED, Status.KILLED) or isinstance(error, SystemExit)


def _tick(journal: Journal, copying: Copying) -> None:
    """Between a delivery's records."""
    journal.tick()
    copying.tick()


def _hear(bests: Bests, journal: Journal, record: Told) -> None:
    """What another process said in the run."""
    if isinstance(record, Log) and bests.modes:
        bests.see(record.metrics, record.axis, record.step, journal)
