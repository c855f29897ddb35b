"""The contract between tracklib and a tracker."""

from __future__ import annotations

import functools
import inspect
import os
import socket
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from .._common import clock
from .._common.warn import warn
from .._journal.format import FORMAT
from .._journal.records import Begin, Best, Checkpoint, Histogram, Log, Note, Status, Superseded
from .._values.flat import clean
from ..errors import ConfigError, LifecycleError, Mistake, TrackerUnavailable
from ._portion import Portion

R = TypeVar("R")


class _ConfigSchema:
    """``config_schema``, read off the constructor's signature so that it is written once."""

    def __get__(self, instance: object, owner: type[BaseTracker]) -> dict[str, dict[str, Any]]:
        parameters = inspect.signature(owner.__init__, eval_str=False).parameters
        return {
            name: {
                "type": _spell(parameter.annotation),
                "required": parameter.default is parameter.empty,
                "default": None if parameter.default is parameter.empty else parameter.default,
            }
            for name, parameter in parameters.items()
            if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }


def _spell(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "Any"
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


class BaseTracker(ABC):
    """One backend, as a plain synchronous adapter. To write one, subclass it, with :meth:`init` and :meth:`log`::

        class Printer(BaseTracker):
            def init(self):
                print("begins in", self.output_run)

            def log(self, epoch, log_dict):
                print(epoch, log_dict)

    What you may rely on, whoever calls:
        - One thread makes every call, in order: :meth:`init`, then any number of the ``log`` methods,
          then :meth:`finish`. It is not the training thread, so a call **may block**, and may raise
          whatever it likes: neither reaches the training run nor another tracker.
        - :meth:`init` is called again after it raised, until it returns or the run is over.
        - A call that raised an error for which :meth:`is_transient` is true is made again, with the same
          records, after a wait of 1 to 60 seconds; after :class:`~tracklib.TrackerLost`, :meth:`init` comes
          first. After :class:`~tracklib.TrackerBlocked` the wait is longer. Any other error refuses those records
          for good: they go to ``rejected.jsonl`` in the run's directory, and the next ones come.
        - Records come at least once. A crash may repeat the last batch: make a repeat harmless if the
          backend lets you (:attr:`Log.ordinal <tracklib.Log.ordinal>` numbers the records of a run).

    It also works by hand, without a manager::

        tracker = MyTracker(output_run="./logs")
        tracker.init()
        tracker.log(epoch=1, log_dict={"loss": 0.1, "accuracy": 0.9})
        tracker.close()

    Args:
        output_run: the directory where logs are stored; None is the current one. In a managed run the manager sets it.
    """

    contract: ClassVar[int] = 1
    """The version of this contract. A tracker that is distributed by itself (a plug-in) says here for which version it
    was written: one for another is refused before a run begins, with a message that says what mends it."""

    requires: ClassVar[tuple[str, ...]] = ()
    """Packages that :meth:`init` imports. Before a run begins it is checked that they are installed."""

    extra: ClassVar[str] = ""
    """The extra of tracklib's distribution that installs :attr:`requires`."""

    holds_no_lock: ClassVar[bool] = False
    """Whether no call of the tracker imports anything, or holds a lock that others use too. Then ``os.fork`` in the
    training process need not wait until a call is over: the child cannot inherit a lock that nobody gives back."""

    imports: tuple[str, ...] = ()
    """Modules that the tracker's calls import besides :attr:`requires`. Where the tracker lives in the training
    process, they are imported before its thread starts: while a thread imports a module, other threads can see it
    half made."""

    in_process: bool = False
    """Whether the tracker lives in the training process in any case. Else a built-in or a plug-in with
    :attr:`requires` lives in the companion process, so that its SDK cannot disturb the training."""

    lives_elsewhere: bool = False
    """Whether the tracker itself is in the companion process, and this object only shows its :attr:`state` and
    :attr:`location`."""

    in_companion: ClassVar[bool] = False
    """Whether a built-in or a plug-in lives in the companion process though it :attr:`requires` nothing, so that it
    still works when the training process has died."""

    is_alert: ClassVar[bool] = False
    """Whether it tells somebody of the run, rather than keep it. A child run gets no copy of it."""

    owner_pid: int | None = None
    """The process id of the training process, for a tracker in the companion process; None elsewhere."""

    batch_size: ClassVar[int] = 1
    """The most records that one :meth:`log_batch` gets. Raise it together with a :meth:`log_batch`
    of your own; after a failure the whole batch comes again."""

    reads_whole_journal: ClassVar[bool] = False
    """Whether each :meth:`init` is followed by all records of the run from the first on, because the tracker writes its
    output anew, or finds out itself which records it has."""

    builds_anew: ClassVar[bool] = False
    """Whether each :meth:`init` begins with an empty output. Superseded records are then left out of it, and
    :meth:`log_superseded` has nothing to do."""

    name_option: ClassVar[str] = ""
    """The config's key that names the run at the backend, if there is one. A child run does not inherit its value."""

    config_schema: ClassVar[dict[str, dict[str, Any]]] = _ConfigSchema()  # type: ignore[assignment]  # a descriptor
    """What a config of this tracker may hold, with the ``type``, ``required`` and ``default`` of each key."""

    output_run: str
    """The directory where logs are stored."""

    ended_at: int | None = None
    """When the run ended, in milliseconds since 1970, UTC; set before :meth:`finish` is called."""

    ended_with: str = ""
    """The exception that ended the run, as text, secrets masked; empty where none did. Set before :meth:`finish`."""

    state: dict[str, str]
    """What must outlive the process, such as the backend's run id. What a tracker puts here is written to
    ``state/<tracker>.json`` in the run's directory, and is here again when the run is resumed."""

    is_abandoned: bool = False
    """Whether nobody waits for the tracker any more: another process may already deliver what is left. A call that
    is still going on should then change nothing more."""

    _options: Mapping[str, Any] = MappingProxyType({})  # of the config that it was made from

    _portion: Portion | None = None

    location: str = ""
    """Where a person finds the run at this backend, as a URL or a path; :meth:`init` sets it."""

    def __init__(self, *, output_run: str | None = None) -> None:
        self.output_run = "." if output_run is None else os.fspath(output_run)
        self.state = {}

    def attach(self, begin: Begin, output_run: str, state: Mapping[str, str] = MappingProxyType({})) -> None:
        """Make this the tracker of one run. The manager calls it before :meth:`init`; a tracker need not override it.

        Args:
            begin: the run's first record, with its uid, name and attempt.
            output_run: the run's directory.
            state: what :attr:`state` was when an earlier attempt ended; empty in the first one.
        """
        self.begin, self.output_run, self.state = begin, output_run, dict(state)

    def gets(
        self,
        *,
        include: str | Sequence[str] | None = None,
        exclude: str | Sequence[str] | None = None,
        rename: Mapping[str, str] | None = None,
        every: Mapping[str, int] | None = None,
    ) -> Self:
        """Choose which of a run's metrics the tracker gets, as the keys of the same names do in a config::

            Wandb(project="digits").gets(include=["val/*", "loss"], every={"batch": 10})

        The journal keeps everything; params, tags, artifacts and the status go to every tracker. The manager does the
        choosing, so it has no effect by hand. When a run is resumed with another choice, that counts for what the
        tracker has not got yet.

        Args:
            include: patterns of metrics' names: ``*`` is any text, ``/`` too, ``?`` one character, ``[abc]`` one of
                these; None is all metrics.
            exclude: patterns of metrics that it does not get, even where ``include`` names them.
            rename: patterns to new names; the first that fits counts. A ``*`` in the new name is what the pattern's
                ``*`` stands for: ``{"val/*": "validation/*"}``. Where a record already has a metric of the new name, it
                is not renamed, with a warning.
            every: axis to ``n``: the tracker gets every ``n``-th step of that axis, from the first one on, with all
                records of that step. A best value comes in any case.

        Returns:
            The tracker itself.

        Raises:
            ConfigError: a pattern or number is wrong; the message lists all that is wrong.
        """
        with Mistake(ConfigError):
            self._portion = Portion(include, exclude, rename, every)
        return self

    @functools.cached_property
    def begin(self) -> Begin:
        """The run's first record, with its uid, name, attempt and parent. By hand it is made up: a new uid, no name,
        and attempt 0."""
        return Begin(
            time=_now(),
            format=FORMAT,
            uid=uuid.uuid4().hex[:16],
            attempt=0,
            name="",
            pid=os.getpid(),
            host=socket.gethostname(),
            configs=[],
        )

    def _places(self) -> Mapping[str, str]:
        """Absolute paths that options name, by the options: none may be where a run keeps something itself."""
        return {}

    def _given(self, option: str) -> Any:
        """What the constructor was given: as a rule, the attribute of that name holds it."""
        return getattr(self, option, None)

    @property
    def is_by_hand(self) -> bool:
        """Whether the tracker is used by hand, without a manager."""
        return self.begin.attempt == 0

    @abstractmethod
    def init(self) -> None:
        """Connect, and create the run, or find it again by :attr:`state`. It may block.

        Raises:
            Exception: whatever went wrong, as a call of the ``log`` methods may; it is called again later.
        """

    @abstractmethod
    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        """Keep metrics.

        Args:
            epoch: a whole number; epochs may repeat, and go back.
            log_dict: a flat dict of names to floats, which may be NaN or infinite.
        """

    def log_batch(self, records: Sequence[Log]) -> None:
        """Keep several records at once. The default calls :meth:`log` for each, with its step, on whatever axis.

        Args:
            records: from 1 to :attr:`batch_size` of them, in the order in which they were logged.
        """
        for record in records:
            self.log(record.step, record.metrics)
            self.acknowledge(1)

    def acknowledge(self, records: int = 0) -> None:
        """Call it within :meth:`log_batch` to report progress: should the call fail after it, these records do not come
        again, and whoever waits at the run's end sees that the tracker is getting on. By hand it does nothing.

        Args:
            records: how many more of the batch the backend now has, in order. 0 says that it has a part of the next
                one, and that the tracker itself passes over that part if the record comes again.
        """

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Keep hyperparameters. They may come several times, each time with other names or newer values. The default
        does nothing.

        Args:
            params: names to JSON values (text, number, bool, None, list), which may be nested mappings.
        """

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Keep ``tags``, names to texts; a bare tag has an empty text. The default does nothing."""

    def log_best(self, best: Best) -> None:
        """Keep the ``best`` value so far of a metric, with its step. It comes anew each time the value gets better.
        The default does nothing."""

    def log_histogram(self, histogram: Histogram) -> None:
        """Keep how values were distributed at a step: ``histogram`` has at most 64 bins, with their edges and
        counts. The default does nothing."""

    def finish_epoch(self, epoch: int) -> None:
        """The run has finished this ``epoch`` of ``t.epochs``, counted from 0. The default does nothing."""

    def also_alerts(self, rules: Mapping[str, Any]) -> bool:
        """Send alerts by the backend's own means, for ``alerts=[{..., "wandb": True}]``. Called before
        :meth:`init`.

        Args:
            rules: ``on``, ``nan``, ``quiet`` and ``best``, as :class:`~tracklib.Alert` has them.

        Returns:
            Whether the tracker can do that. The default cannot, and returns False.
        """
        return False

    def idle(self) -> None:
        """Called about once a second while there is nothing new to deliver. The default does nothing."""

    def log_superseded(self, superseded: Superseded) -> None:
        """The run went back to an earlier epoch: what it logged before this from epoch ``superseded.epoch`` on
        does not count any more, and those epochs come again. Old records of them that this tracker has not got yet
        do not come. The default does nothing."""

    def log_artifact(self, name: str, path: str) -> None:
        """Keep a copy of the file or folder at ``path`` as ``name``. The default does nothing."""

    def log_note(self, note: Note) -> None:
        """Keep a ``note``: its ``text``, and the ``step`` of ``axis`` where it belongs. The default does nothing."""

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Keep a copy of a model's checkpoint. One that the run has deleted meanwhile does not come. The default
        calls :meth:`log_artifact` with its name.

        Args:
            checkpoint: its name, epoch, metrics and aliases (``"latest"``, ``"best"``).
            path: a file or folder.
        """
        self.log_artifact(checkpoint.name, path)

    def is_intact(self) -> bool:
        """Whether the output of a run that has ended, and of which all was delivered, is still whole. ``tracklib sync``
        asks that before :meth:`init`: if it is not, all comes again. The default says that it is."""
        return True

    def close(self) -> None:
        """Close what :meth:`init` opened. The default does nothing."""

    def finish(self, status: Status) -> None:
        """The run ended with ``status``: tell the backend, and close. The default calls :meth:`close`."""
        self.close()

    def is_transient(self, error: BaseException) -> bool:
        """Whether the call that raised ``error`` may work later, so that it is made again with the same records. The
        default: ``ConnectionError``, ``TimeoutError`` and :class:`~tracklib.TrackerUnavailable` may."""
        return isinstance(error, ConnectionError | TimeoutError | TrackerUnavailable)

    def is_answering(self) -> bool:
        """Whether the backend works, though one record fails again and again. Then that record is at fault: it is put
        aside as if it were refused, and the next ones come. To find out, have the backend write something that changes
        nothing.

        The default says no, so the record is tried as long as it takes.
        """
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """Names in :attr:`output_run` that the tracker writes. A new run in that directory moves them into
        ``previous/``, with the rest of the old one."""
        return ()

    @property
    def run(self) -> Any:
        """The backend's own run object, once :meth:`init` has returned; None where there is none.

        Raises:
            LifecycleError: the tracker is in the companion process; ``in_process=True`` keeps it here.
        """
        return self._here(None)

    def _here(self, run: R) -> R:
        if self.lives_elsewhere:
            name = type(self).__name__
            raise LifecycleError(
                f"{name}'s run object lives in tracklib's companion process, where its SDK is: to have it here, write "
                f"{{'type': {name!r}, 'in_process': True}}; state and location tell the run's id and where it is shown"
            )
        return run


class BatchTracker(BaseTracker):
    """A tracker whose work is in :meth:`log_batch`: by hand, :meth:`log` is a batch of one."""

    _logged_by_hand = 0

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        """Keep ``log_dict`` at ``epoch``, with the values as a manager would hand them."""
        metrics, skipped = clean(log_dict)
        self.log_batch([Log(time=_now(), axis="epoch", step=epoch, metrics=metrics, ordinal=self._logged_by_hand)])
        self._logged_by_hand += 1
        for key, why in skipped:
            warn(f"metric {key!r} is not logged: {why}")

    @abstractmethod
    def log_batch(self, records: Sequence[Log]) -> None:
        """Keep many records."""


def _now() -> int:
    return clock.wall()
