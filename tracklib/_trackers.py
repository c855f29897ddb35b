"""Trackers: one run, its journal, and one delivery for each tracker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from . import _config, _process
from ._delivery import Delivery, Standing
from ._directory import cannot_be_used, copy_whole, default_directory, owned, set_aside
from ._draining import draining, wait_for_change
from ._inputs import INT64, as_axis, as_params, as_path, as_status, as_tags, as_text, holds, shown, whole_number
from ._journal import FILENAME, Journal
from ._leaving import PATIENCE, leave, status_of
from ._left import what_is_left
from ._records import FORMAT, Artifact, Begin, End, Log, Params, Parent, Status, Tags
from ._redact import error_text
from ._values import as_mapping, clean
from ._warn import warn
from .errors import ConfigError, LifecycleError
from .trackers.base import BaseTracker
from .trackers.csv_logger import CsvLogger


class Trackers:
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
        loggers_configs: _config.Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        *,
        name: str | None = None,
        params: Any = None,
        tags: Mapping[str, Any] | Iterable[str] | None = None,
        parent: Parent | None = None,
    ) -> None:
        self.loggers_configs = loggers_configs
        self.loggers: Sequence[BaseTracker] = _with_csv_last(_config.build(loggers_configs))
        self.name = as_text("name", name)
        self.uid = uuid.uuid4().hex[:16]
        self.output_run = as_path(output_run) or default_directory(self.name, self.uid)
        self.directory = os.path.abspath(self.output_run)
        self.is_init = False
        self.left = ""
        self._params = None if params is None else as_params(params)
        self._tags = None if tags is None else as_tags(tags)
        self._parent = parent
        kinds = [type(tracker).__name__ for tracker in self.loggers]
        self._named = dict(zip(names_of(kinds), self.loggers, strict=True))
        self._steps: dict[str, int] = {}
        self._warned: set[tuple[str, str]] = set()
        self._journal: Journal | None = None
        self._deliveries: list[Delivery] = []
        self._resources = contextlib.ExitStack()
        self._in_child = False

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
            stack.callback(journal.close)
            begin = self._begin(journal, directory)
            self._deliveries = [
                Delivery(tracker, name, directory, begin, journal.path, journal.tick)
                for name, tracker in self._named.items()
            ]
            self._resources = stack.pop_all()
        self.is_init = True
        _process.watch(self)
        for delivery in self._deliveries:
            delivery.start()

    def _need_own_trackers(self) -> None:
        for other in _process.open_runs:
            for tracker in self.loggers:
                if any(tracker is theirs for theirs in other.loggers):
                    raise LifecycleError(
                        f"the {type(tracker).__name__} object belongs to the run in {other.output_run}, which is "
                        "still going on: make a second one for this run"
                    )

    def _open_journal(self, directory: str) -> Journal:
        try:
            set_aside(directory, _files_of(self.loggers))
            return Journal(os.path.join(directory, FILENAME), logging.getLogger("tracklib").warning)
        except OSError as error:
            raise cannot_be_used(directory, error) from error

    def _begin(self, journal: Journal, directory: str) -> Begin:
        for tracker in self.loggers:
            tracker.output_run = directory
        begin = Begin(
            time=journal.now(),
            format=FORMAT,
            uid=self.uid,
            attempt=1,
            name=self.name or os.path.basename(directory),
            pid=os.getpid(),
            host=socket.gethostname(),
            configs=[_config.describe(tracker) for tracker in self.loggers],
            files=_files_of(self.loggers),
            parent=self._parent,
        )
        journal.append(begin)
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
        journal = self._need_journal("end")
        kind = type(error).__name__ if error else ""
        journal.append(End(time=journal.now(), status=status, error=kind, message=error_text(error) if error else ""))
        self.is_init = False
        journal.sync()

    def leave(self, patience: float = PATIENCE) -> None:
        """Wait for the trackers, for at most ``patience`` seconds in which none gets on; then let go.

        Afterwards :attr:`left` says in words what did not arrive; it is empty if all did.
        """
        if self._in_child or self not in _process.open_runs:
            return
        with self._letting_go():
            for _ in draining(self._deliveries, patience):
                wait_for_change(self._deliveries, 0.1)

    async def leave_async(self, patience: float = PATIENCE) -> None:
        """:meth:`leave` that lets the event loop run meanwhile."""
        if self._in_child or self not in _process.open_runs:
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
            assert self._journal is not None
            self.left = what_is_left(self._deliveries, self._journal, self.uid)
            _process.open_runs.discard(self)
            self._resources.close()

    def __enter__(self) -> Self:
        self.init()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.is_init:
            leave(self, status_of(error), error)

    def after_fork_in_child(self) -> None:
        """In a forked child: it may log into the run, and never ends it."""
        assert self._journal is not None
        self._in_child = True
        self._journal.after_fork_in_child()

    # What a run can say -------------------------------------------------------------------------

    def log(self, epoch: Any, log_dict: Mapping[Any, Any], *, axis: str = "epoch") -> None:
        """Log metrics. When it returns, they survive the process.

        Args:
            epoch: a whole number of any package; None takes the next one on this axis.
            log_dict: names to numbers of any package (a scalar tensor, too), nested as you like: nested
                names are joined by ``/``. What is no number is passed over, with one warning a name.
            axis: what ``epoch`` counts.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``log_dict`` is no mapping.
        """
        journal = self._need_journal("log")
        if not isinstance(log_dict, Mapping):
            found = as_mapping(log_dict)
            if found is None:
                got = type(log_dict).__name__
                raise TypeError(f"log_dict must map names to numbers, as {{'loss': 0.1}}; got {got}")
            log_dict = found
        if type(axis) is not str or len(axis) > 200:
            axis = as_axis(axis)
        metrics, skipped = clean(log_dict)
        step = epoch if type(epoch) is int and -INT64 <= epoch < INT64 else self._step(epoch, axis)
        self._steps[axis] = step
        if metrics:
            journal.append(Log(time=journal.now(), axis=axis, step=step, metrics=metrics))
        for key, why in skipped:
            self._warn_once("value", f"{key}: {why}", f"metric {key!r} is not logged: {why}")

    def _step(self, epoch: Any, axis: str) -> int:
        step = None if epoch is None else whole_number(epoch)
        if step is not None:
            return step
        automatic = min(self._steps.get(axis, -1) + 1, INT64 - 1)
        if epoch is not None:
            what = f"{axis} {shown(epoch)}"
            self._warn_once("step", axis, f"{what} is no whole number of 64 bits: {automatic} is taken, and so on")
        return automatic

    def log_params(self, params: Any) -> None:
        """Log hyperparameters: a mapping, dataclass, named tuple or ``argparse.Namespace``, nested as
        you like. Values under names such as ``api_key`` are masked.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``params`` is none of these.
        """
        journal = self._need_journal("log_params")
        journal.append(Params(time=journal.now(), params=as_params(params)))

    def log_tags(self, tags: Mapping[str, Any] | Iterable[str]) -> None:
        """Set tags: a mapping, or bare words.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``tags`` is neither.
        """
        journal = self._need_journal("log_tags")
        journal.append(Tags(time=journal.now(), tags=as_tags(tags)))

    def log_artifact(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        """Keep a copy of a file or folder: it is copied into the run's directory now, and delivered from there.

        Args:
            path: what to copy.
            name: what to call the copy, without a folder; None keeps its name. A later copy of the same
                name takes the place of the earlier one.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: ``path`` cannot be read, or the directory not be written.
            ValueError: ``name`` holds a folder, or ``path`` the run's own directory.
        """
        journal = self._need_journal("log_artifact")
        source = os.path.abspath(os.fspath(path))
        name = name or os.path.basename(source)
        if os.path.basename(name) != name or name in ("", ".", ".."):
            raise ValueError(f"name={name!r} must be a file's name without a folder, as 'model.pt'")
        folder = os.path.join(os.path.dirname(journal.path), "artifacts")
        if holds(source, folder):
            raise ValueError(f"{source} holds the run's own directory: name a folder in it, or another output_run")
        copy_whole(source, os.path.join(folder, name))
        journal.append(Artifact(time=journal.now(), name=name))

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
        try:
            size = os.path.getsize(journal.path)
        except OSError:  # the user may have deleted the directory
            return False
        return self._wait(lambda delivery: delivery.offset >= size, timeout)

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until every tracker is connected, for at most ``timeout`` seconds; whether all are."""
        self._need_journal("wait_ready")
        return self._wait(lambda delivery: delivery.standing in (Standing.DELIVERING, Standing.DONE), timeout)

    def _wait(self, reached: Any, timeout: float | None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        for delivery in self._deliveries:
            delivery.wake()
        while waiting := [delivery for delivery in self._deliveries if not reached(delivery)]:
            left = 0.1 if until is None else min(0.1, until - time.monotonic())
            if left <= 0 or self._in_child or all(delivery.at_rest for delivery in waiting):
                return False
            wait_for_change(waiting, left)
        return True

    def _need_journal(self, call: str) -> Journal:
        if self._journal is None:
            raise LifecycleError(f"{call} before init: call init() first, or use `with tracking(...) as t:`")
        if not self.is_init:
            raise LifecycleError(f"{call} after the end of the run: it can be logged no more; begin a new run")
        return self._journal

    def _warn_once(self, kind: str, what: str, message: str) -> None:
        if (kind, what) not in self._warned:
            self._warned.add((kind, what))
            warn(message)


def _with_csv_last(trackers: list[BaseTracker]) -> list[BaseTracker]:
    csv = [tracker for tracker in trackers if isinstance(tracker, CsvLogger)] or [CsvLogger()]
    twice = [name for name, count in Counter(tracker.csv_filename for tracker in csv).items() if count > 1]
    if twice:
        raise ConfigError([f"two CsvLoggers write {twice[0]!r}: give one of them another csv_filename"])
    return [tracker for tracker in trackers if not isinstance(tracker, CsvLogger)] + csv


def _files_of(trackers: Iterable[BaseTracker]) -> list[str]:
    return [file for tracker in trackers for file in tracker.files]


def names_of(kinds: Iterable[str]) -> list[str]:
    """What trackers of these classes are called: by the class, with ``-2`` and so on where there are several."""
    seen: Counter[str] = Counter()
    names = []
    for kind in kinds:
        seen[kind] += 1
        names.append(kind if seen[kind] == 1 else f"{kind}-{seen[kind]}")
    return names
