"""Trackers: one run, told once, and sent to any number of trackers."""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, SupportsIndex, TypeVar, Unpack, cast

from msgspec.structs import replace

from .._common import variables
from .._journal.state import is_others
from ..errors import ConfigError, LifecycleError, Mistake, RunDirectoryError
from ..trackers import _configs, _identity
from ..trackers.base import BaseTracker
from ..trackers.csv_logger import CsvLogger
from .alerting import with_alerts
from .arrival import ArrivalWords
from .attempt import Attempt
from .background import Background
from .block import Block
from .called_elsewhere import tells_of_its_own_words, without_others
from .checkpoints import CheckpointWords
from .child import loggers_of_child, options_of_child
from .distributions import DistributionWords
from .elsewhere import Handle
from .finishing import FinishWords
from .inside import Inside
from .life import Life
from .notes import NoteWords
from .options import ChildOptions, Options, RunOptions, takes
from .own_places import need_free_places
from .printed import console_of
from .saying import RunLog
from .showing_media import MediaWords
from .telling import in_short
from .travelling import pickled

F = TypeVar("F", bound=Callable[..., Any])
Run = TypeVar("Run", bound="Trackers")


@tells_of_its_own_words
class Trackers(RunLog, DistributionWords, MediaWords, CheckpointWords, NoteWords, ArrivalWords, FinishWords):
    """One run, sent to any number of trackers. ``with Trackers(...) as t:`` is the same block as
    ``with tracking(...) as t:``; by hand::

        trackers = Trackers([{"type": "Mlflow", "experiment_name": "digits"}], output_run="runs/digits")
        trackers.init()
        trackers.log(epoch=1, log_dict={"loss": 0.1})
        trackers.finish()

    By hand it is not the current run, so ``@tracked`` does not find it; and SIGTERM leaves it without an end, unless
    ``at_exit`` is given. What was logged is in the run's journal when :meth:`log` returns; each tracker gets it from
    there, however slow or broken another is.

    Args:
        loggers_configs: dicts with a ``type``, tracker objects, or the path of a TOML, YAML or JSON
            file; a CSV file is always written as well.
        output_run: the run's directory; None makes ``runs/<time>-<name>``.
        options: those of :class:`tracking`, with the same meanings.

    Attributes:
        loggers: the trackers, a ``CsvLogger`` last.
        loggers_configs: as given.
        output_run: the run's directory, as given or chosen.
        directory: its absolute path, which a later ``chdir`` does not change.
        name: the run's name, as given.
        epoch: the current epoch of :meth:`epochs`, from 0 on; None outside of its loop.

    Raises:
        ConfigError: a config is wrong; the message lists all that is wrong.
        TypeError, ValueError: an option has a wrong type or value.
    """

    @takes(RunOptions)
    def __init__(
        self,
        loggers_configs: _configs.Configs = None,
        output_run: str | os.PathLike[str] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        told = Options.of("Trackers", output_run=output_run, **options).checked()
        with Mistake():
            self._be_told(loggers_configs, told)

    def _be_told(self, configs: _configs.Configs, options: Options) -> None:
        self.loggers_configs = configs
        trackers = with_alerts(_configs.build(configs), options.alerts, options.best or ())
        self.loggers: Sequence[BaseTracker] = _with_csv_last(trackers)
        self._options = options
        self.name = options.name
        described = [_identity.describe(tracker) for tracker in self.loggers]
        named = dict(zip(_identity.names_of(described), self.loggers, strict=True))
        attempt = Attempt(named, described, options)
        need_free_places(self.loggers, attempt.directory)
        attempt.words = weakref.ref(self)
        self.output_run = attempt.output_run
        self.directory = attempt.directory
        super().__init__(attempt)
        self._block: Block | None = None

    @property
    def uid(self) -> str:
        """The run's id, unlike any other run's. A resumed run keeps it."""
        return self._attempt.uid

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {in_short(self._attempt)}>"

    # The run's life -----------------------------------------------------------------------------

    def init(self) -> None:
        """Begin the run by hand: lock the directory, open the journal, start the trackers. It takes milliseconds: no
        connection is waited for (:meth:`wait_ready` does that).

        Raises:
            LifecycleError: the run has begun before; each object is one run.
            RunDirectoryError: the directory cannot be written, or belongs to a live run.
        """
        attempt = self._attempt
        with Mistake(LifecycleError, RunDirectoryError):
            attempt.begin()
        self.output_run, self.directory = attempt.output_run, attempt.directory  # another rank's is rank 0's
        if attempt.keeps:
            environment = self._options.environment
            if environment is None:
                environment = attempt.parent is None and variables.says_environment()
            if self._options.console and attempt.begun:
                attempt.console = console_of(weakref.proxy(self), attempt.begun.attempt)
            attempt.background = Background(weakref.proxy(self), environment, self._options.system_metrics)

    def again(self) -> Self:
        """The same run once more, to log into it after its end: a new object, which has not begun, with the same
        options and new trackers of the same configs. It is the run's next attempt. Params, tags and the environment are
        not logged a second time. ::

            with t.again() as t:
                t.log(None, {"test/accuracy": evaluate(model)})

        Raises:
            LifecycleError: the run has not ended, or another one has its directory now.
        """
        if self._attempt.life is not Life.OVER:
            raise LifecycleError("again before the end of the run: while it goes on, log into it; else begin it first")
        if self._attempt.keeps and is_others(self.directory, self.uid):
            raise LifecycleError(f"again after {self.directory} became another run's: this one is in its previous/")
        options = replace(
            self._options,
            output_run=self.directory,
            resume=True,
            rewind_to=None,
            params=None,
            tags=None,
            environment=False,
        )
        loggers = [_configs.another(tracker, is_same_run=True) for tracker in self.loggers if not tracker.is_alert]
        return new_run(loggers, options, type(self))

    def __enter__(self) -> Self:
        block = block_of(self)
        with Mistake(LifecycleError, RunDirectoryError):
            block.__enter__()
        self._block = block
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._entered().__exit__(kind, error, traceback)
        finally:
            self._block = None  # it knows the run, see Attempt._letting_go

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._entered().__aexit__(kind, error, traceback)
        finally:
            self._block = None

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        """A copy is the same run: a model that holds it can be copied and saved. In another process it says what
        happens there in this run."""
        return pickled(self)

    @classmethod
    def _from_handle(cls, handle: Handle) -> Self:
        """The run that ``handle`` tells of, which is another process's."""
        run = new_run(None, Options(output_run=handle.directory, name=handle.name).checked(), cls)
        run._attempt.go_elsewhere(handle)
        return run

    def inside(self, function: F) -> F:
        """Wrap ``function`` so that this is the current run while it runs, in whatever thread or process that is::

            with ProcessPoolExecutor() as pool:
                list(pool.map(t.inside(work), items))  # what is @tracked in there logs into this run

        The result can be pickled if ``function`` can. Another process logs into a file of its own in the run's
        directory; the run takes that over about once a second, and when it ends.

        Args:
            function: a plain function: no coroutine function and no generator, whose work is not done when they return.

        Raises:
            TypeError: it is no such function.
        """
        return cast(F, Inside(self, function))

    def __dir__(self) -> list[str]:
        return without_others(self, super().__dir__())

    def _entered(self) -> Block:
        if self._block is None:
            raise LifecycleError("this run's block is left before it was entered: write `with run as t:`")
        return self._block

    @takes(ChildOptions)
    def child(
        self, name: str, *, output_run: str | os.PathLike[str] | None = None, **options: Unpack[ChildOptions]
    ) -> Self:
        """A run inside this one, not yet begun, with trackers of the same configs::

            for fold in range(5):
                with t.child(f"fold-{fold}", params={"fold": fold}) as run:
                    train(fold)

        At MLflow it is a child run, at W&B it is in this run's group; its directory is ``children/<name>`` in this
        one's. In its block (``async with``, too) it is the current run. A resumed run resumes its children: each goes
        on after its last finished epoch, and one that has finished all of them has nothing left to do.

        Args:
            name: the child's name. A second child of that name moves the first one's directory into its own
                ``previous/``, unless this run is resumed: then it goes on with the first one.
            output_run: another directory for it; None takes ``children/<name>``.
            options: those of :class:`tracking`; ``resume`` and ``on_error`` are this run's unless they are given.

        Raises:
            LifecycleError: this run has not begun, or has ended.
            RunDirectoryError: on entering; a child of that name is still going on.
            TypeError: a tracker cannot be made a second time, or there is no such option.
            ValueError: ``name`` is empty.
        """
        if self._attempt.elsewhere is None:
            self._need_open("child")
        with Mistake(LifecycleError, RunDirectoryError, TypeError, ValueError):
            told = options_of_child(self._attempt, name, output_run, options)
        return new_run(loggers_of_child(self._attempt), told, type(self))


def new_run(configs: _configs.Configs, options: Options, kind: type[Run]) -> Run:
    """A run that was told ``options``, which are checked; not yet begun."""
    run = kind.__new__(kind)
    run._be_told(configs, options)
    return run


def block_of(run: Trackers, is_current: bool = True) -> Block:
    """The block around ``run``, which is not begun."""
    return Block(run, run._attempt, is_current)


def _with_csv_last(trackers: list[BaseTracker]) -> list[BaseTracker]:
    csv = [tracker for tracker in trackers if isinstance(tracker, CsvLogger)] or [CsvLogger()]
    twice = [name for name, count in Counter(tracker._given("csv_filename") for tracker in csv).items() if count > 1]
    if twice:
        raise ConfigError([f"two CsvLoggers write {twice[0]!r}: give one of them another csv_filename"])
    return [tracker for tracker in trackers if not isinstance(tracker, CsvLogger)] + csv
