"""Trackers: one run, its journal, and one delivery for each tracker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from .._common import variables
from .._common.secrets import error_text
from .._common.warn import tell, warn
from .._delivery.delivery import Delivery, Standing
from .._delivery.undelivered import what_is_left
from .._delivery.waiting import draining, wait_for_change
from .._journal import layout
from .._journal.directory import cannot_be_used, child_directory, default_directory, owned, set_aside
from .._journal.journal import Journal
from .._journal.last_attempt import best_of, earlier_run, settled
from .._journal.records import FORMAT, Begin, End, Params, Parent, Status, Tags
from .._journal.spill import child_spill, spill_folder
from .._journal.state import store_begin
from .._values.arguments import as_bests, as_params, as_path, as_seconds, as_tags, as_text
from ..errors import ConfigError, LifecycleError
from ..trackers import _configs, _identity
from ..trackers.base import BaseTracker
from ..trackers.csv_logger import CsvLogger
from . import open_runs
from .background import Background
from .ending import PATIENCE, as_status, leave, leave_async, status_of
from .saying import RunLog


class RunBlock(Protocol):
    """The block around a run, for ``with`` and ``async with``."""

    def __enter__(self) -> Trackers:
        """Begin the run."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it by how the block ended, and wait for its trackers."""

    async def __aenter__(self) -> Trackers:
        """Begin the run."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """The same, letting the event loop run."""


def _as_it_is(run: Trackers) -> RunBlock:
    return run


class Trackers(RunLog):
    """One run, sent to any number of trackers. ``tracking`` wraps its :meth:`init` and :meth:`finish`
    around a block; by hand::

        trackers = Trackers([{"type": "Mlflow", "experiment_name": "digits"}], output_run="runs/digits")
        trackers.init()
        trackers.log(epoch=1, log_dict={"loss": 0.1})
        trackers.finish()

    What :meth:`log` returned from is in the run's journal; each tracker gets it from there in a thread
    of its own, however slow or broken another is.

    Args:
        loggers_configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON
            file; a CSV file is always written as well.
        output_run: the run's directory; None makes ``runs/<time>-<name>``.
        name: the run's name; None takes the directory's.
        params: hyperparameters, logged when the run begins.
        tags: a mapping or bare words, set when the run begins.
        parent: the run around this one.
        resume: go on with the run that ``output_run`` holds, ended or not, as its next attempt: with the same
            run at every tracker, after what an earlier attempt left undelivered. Where there is none, begin one.
        best: metrics whose best value is kept, each with what is better: ``{"val/accuracy": "max"}``.
        environment: say with what the run was made, in the background: git's commit, branch and difference,
            the command (secrets masked), the versions of Python and the packages, and the machine. None does so
            for a run that is inside no other, unless the variable ``TRACKLIB_ENVIRONMENT`` is ``0``.
        system_metrics: sample processor, memory, disk and NVIDIA GPUs every so many seconds, on the axis
            ``system``; None does not.

    Attributes:
        loggers: the trackers, a ``CsvLogger`` last.
        loggers_configs: as given.
        output_run: the run's directory.
        directory: the same as an absolute path, which a later ``chdir`` does not move.
        is_init: whether the run has begun and not ended.

    Raises:
        ConfigError: with all that is wrong with the configs.
    """

    def __init__(
        self,
        loggers_configs: _configs.Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        name: str | None = None,
        params: Any = None,
        tags: Mapping[str, Any] | Iterable[str] | None = None,
        parent: Parent | None = None,
        resume: bool = False,
        best: Mapping[str, Literal["min", "max"]] | None = None,
        environment: bool | None = None,
        system_metrics: float | None = None,
    ) -> None:
        if resume and not output_run:
            raise ValueError("resume=True needs output_run: the directory of the run that goes on")
        super().__init__()
        self.loggers_configs = loggers_configs
        self.loggers: Sequence[BaseTracker] = _with_csv_last(_configs.build(loggers_configs))
        self._bests = as_bests(best)
        self.name = as_text("name", name)
        self.uid = uuid.uuid4().hex[:16]
        self.output_run = as_path(output_run) or default_directory(self.name, self.uid)
        self.directory = os.path.abspath(self.output_run)
        self.left = ""
        self._params = None if params is None else as_params(params)
        self._tags = None if tags is None else as_tags(tags)
        self._parent = parent
        self._resume = resume
        self._configs = [_identity.describe(tracker) for tracker in self.loggers]
        self._named = dict(zip(_identity.names_of(self._configs), self.loggers, strict=True))
        self._deliveries: list[Delivery] = []
        self._resources = contextlib.ExitStack()
        self._background: Background | None = None
        self._capture = (environment, as_seconds("system_metrics", system_metrics))
        self._in_child = False
        self.block_of: Callable[[Trackers], RunBlock] = _as_it_is  # the words put their own block around a child

    # The run's life -----------------------------------------------------------------------------

    def init(self) -> None:
        """Begin the run: own the directory, open the journal, start the trackers. Takes milliseconds:
        each tracker connects in its own thread.

        Raises:
            LifecycleError: the run has begun before; each object is one run.
            RunDirectoryError: the directory cannot be written, or belongs to a live run.
        """
        if self.is_init or self._journal is not None:
            raise LifecycleError("this run has begun already: make a new Trackers (or tracking) for each run")
        self._need_own_trackers()
        directory = self.directory
        with contextlib.ExitStack() as stack:
            stack.enter_context(owned(directory))
            self._journal = journal = self._open_journal(directory)
            stack.callback(journal.let_go)
            begin = self._begin(journal, directory)
            self._deliveries = [
                Delivery(
                    tracker, name, directory, begin, journal.path, journal.tick, open_runs.come_first_at_exit, config
                )
                for (name, tracker), config in zip(
                    self._named.items(), _identity.fingerprints(self._configs), strict=True
                )
            ]
            self._resources = stack.pop_all()
        self._spill_folder = spill_folder()
        self.is_init = True
        open_runs.watch(self)
        for delivery in self._deliveries:
            delivery.start()
        environment, every = self._capture
        if environment is None:
            environment = self._parent is None and variables.says_environment()
        self._background = Background(self, environment, every)

    def _need_own_trackers(self) -> None:
        for other in open_runs.open_runs:
            for tracker in self.loggers:
                if any(tracker is theirs for theirs in other.loggers):
                    raise LifecycleError(
                        f"the {type(tracker).__name__} object belongs to the run in {other.output_run}, which is "
                        "still going on: make a second one for this run"
                    )

    def _open_journal(self, directory: str) -> Journal:
        try:
            earlier = earlier_run(directory) if self._resume else None
            set_aside(directory, _files_of(self.loggers), earlier)
            journal = Journal(layout.journal_path(directory), tell, after=earlier.time if earlier else 0)
            if earlier:
                self._earlier = settled(journal, earlier)
                self.uid = earlier.begin.uid
            return journal
        except OSError as error:
            raise cannot_be_used(directory, error) from error

    def _begin(self, journal: Journal, directory: str) -> Begin:
        before = self._earlier.begin if self._earlier else None
        self._title = self.name or (before.name if before else os.path.basename(directory))
        if self._earlier:
            found = [best_of(directory, name, mode, self._earlier) for name, mode in self._bests.items()]
            self.best = {best.name: best for best in found if best}
        begin = Begin(
            time=journal.now(later=True),  # than the end of an earlier attempt
            format=FORMAT,
            uid=self.uid,
            attempt=before.attempt + 1 if before else 1,
            name=self._title,
            pid=os.getpid(),
            host=socket.gethostname(),
            configs=self._configs,
            files=list(dict.fromkeys([*(before.files if before else ()), *_files_of(self.loggers)])),
            parent=self._parent or (before.parent if before else None),
        )
        journal.append(begin)
        with contextlib.suppress(OSError):  # the journal has it
            store_begin(directory, begin)
        if self._params:
            journal.append(Params(time=journal.now(), params=self._params))
        if self._tags:
            journal.append(Tags(time=journal.now(), tags=self._tags))
        return begin

    def finish(self, status: Status | str = Status.FINISHED) -> None:
        """End the run and wait until its trackers have it all, or no longer get on.

        Args:
            status: ``"finished"``, ``"failed"``, ``"killed"`` or ``"preempted"``.

        Raises:
            LifecycleError: the run has not begun, or has ended.
        """
        self._need_journal("finish")
        self.end(as_status(status))
        self.leave()
        left, self.left = self.left, ""  # told here, and not once more where a block is left
        if left:
            warn(left)

    def end(self, status: Status, error: BaseException | None = None) -> None:
        """Write how the run ended, and have the disk hold it. Nothing can be logged after it."""
        if self._in_child or not self.is_init:
            return
        if self._background:
            self._background.end(waits=status is Status.FINISHED)  # nothing stands before any other end
        journal = self._need_journal("end")
        kind = type(error).__name__ if error else ""
        journal.append(End(time=journal.now(), status=status, error=kind, message=error_text(error) if error else ""))
        self.is_init = False
        journal.sync()

    def leave(self, patience: float = PATIENCE) -> None:
        """Wait for the trackers, for at most ``patience`` seconds in which none gets on; then let go.

        Afterwards :attr:`left` says in words what did not arrive; it is empty if all did.
        """
        if self._in_child or self not in open_runs.open_runs:
            return
        with self._letting_go():
            for _ in draining(self._deliveries, patience):
                wait_for_change(self._deliveries, 0.1)

    async def leave_async(self, patience: float = PATIENCE) -> None:
        """:meth:`leave` that lets the event loop run meanwhile."""
        if self._in_child or self not in open_runs.open_runs:
            return
        with self._letting_go():
            for _ in draining(self._deliveries, patience):
                await asyncio.sleep(0.02)

    @contextlib.contextmanager
    def _letting_go(self) -> Iterator[None]:
        try:
            yield
        finally:
            for delivery in self._deliveries:
                delivery.abandon()
            open_runs.open_runs.discard(self)
            with self._resources:
                self._tell_left()

    def _tell_left(self) -> None:
        assert self._journal is not None
        self.left = what_is_left(self._deliveries, self._journal, self.uid)
        if damaged := max(delivery.damaged for delivery in self._deliveries):
            tell(f"{damaged} damaged lines of {self._journal.path} were passed over")

    def __enter__(self) -> Self:
        self.init()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_init:
            leave(self, status_of(error), error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_init:
            await leave_async(self, status_of(error), error)

    def child(self, name: str, **options: Any) -> RunBlock:
        """A run inside this one, with trackers of the same configs::

            for fold in range(5):
                with t.child(f"fold-{fold}", params={"fold": fold}) as run:
                    train(fold)

        It is MLflow's child run, in W&B's group of this run, and in the directory ``children/<name>`` of this
        one. Inside the block (``async with``, too) it is the current run. A resumed run resumes its children: each
        goes on behind its last epoch, and one that had them all has nothing left to do.

        Args:
            name: the child's name. A second child of that name moves the first one's directory into its
                ``previous/``, unless this run is resumed: then it goes on with it.
            options: more of what :class:`Trackers` takes, such as ``params``, ``tags`` and ``best``.

        Raises:
            LifecycleError: this run has not begun, or has ended.
            RunDirectoryError: on entering; a child of that name is still going on.
            TypeError: a tracker cannot be made a second time, or there is no such option.
            ValueError: ``name`` is empty.
        """
        self._need_journal("child")
        if not as_text("name", name):
            raise ValueError("name must say which child it is, as 'fold-3'")
        own: dict[str, Any] = {"output_run": child_directory(self.directory, name), "resume": self._resume}
        run = type(self)(
            [_configs.another(tracker) for tracker in self.loggers],
            **own | options,
            name=name,
            parent=Parent(uid=self.uid, output_run=self.directory),
        )
        return self.block_of(run)

    def after_fork_in_child(self) -> None:
        """In a forked child: it may log into the run, and never ends it."""
        assert self._journal is not None
        self._in_child = True
        self._start_seeing()
        self._journal.after_fork_in_child(child_spill(self._spill_folder, self.uid))

    # Looking at it ------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> BaseTracker:
        """The tracker of that name: its class's, with ``-2`` and so on where there are several."""
        try:
            return self._named[name]
        except KeyError:
            raise KeyError(f"no tracker {name!r} in this run; it has {', '.join(self._named)}") from None

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every tracker has what was logged so far, for at most ``timeout`` seconds; whether all have."""
        journal = self._need_journal("flush")
        journal.sync()  # which may bring in what the disk did not take before
        if journal.waiting:
            return False
        size = journal.size
        return self._wait(lambda delivery: delivery.offset >= size, timeout)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until every tracker is connected, for at most ``timeout`` seconds; whether all are."""
        self._need_journal("wait_ready")
        return self._wait(lambda delivery: delivery.standing in (Standing.DELIVERING, Standing.DONE), timeout)

    def _wait(self, reached: Any, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        if not self._in_child:  # where a delivery's thread is none, and may have held what waking it takes
            for delivery in self._deliveries:
                delivery.wake()
        while waiting := [delivery for delivery in self._deliveries if not reached(delivery)]:
            left = 0.1 if until is None else min(0.1, until - time.monotonic())
            if left <= 0 or self._in_child or all(delivery.at_rest for delivery in waiting):
                return False
            wait_for_change(waiting, left)
        return True


def _with_csv_last(trackers: list[BaseTracker]) -> list[BaseTracker]:
    csv = [tracker for tracker in trackers if isinstance(tracker, CsvLogger)] or [CsvLogger()]
    twice = [name for name, count in Counter(tracker.csv_filename for tracker in csv).items() if count > 1]
    if twice:
        raise ConfigError([f"two CsvLoggers write {twice[0]!r}: give one of them another csv_filename"])
    return [tracker for tracker in trackers if not isinstance(tracker, CsvLogger)] + csv


def _files_of(trackers: Iterable[BaseTracker]) -> list[str]:
    return [file for tracker in trackers for file in tracker.files]
