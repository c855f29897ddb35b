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
    """One backend, as a plain synchronous adapter. To write one, give it :meth:`init` and :meth:`log`.

    What you may rely on, whoever calls:
        - One thread makes every call, in order: :meth:`init`, then any number of the ``log`` methods,
          then :meth:`finish`. It is not the training thread, so a call **may block**, and may raise
          whatever it likes: neither reaches the training run nor another tracker.
        - :meth:`init` is called again after it raised, until it returns or the run is over.
        - A call that raised an error for which :meth:`is_transient` is true is made again, with the same
          records, after a wait; after :class:`~tracklib.TrackerLost`, :meth:`init` comes first. One that
          raised :class:`~tracklib.TrackerBlocked` waits long. Any other error refuses those records for
          good: they go to ``rejected.jsonl`` and the next ones come.
        - Records come at least once. A crash may repeat the last batch: make a repeat harmless if the
          backend lets you (:attr:`Log.ordinal <tracklib.Log.ordinal>` numbers the records of a run).

    It also works by hand, without a manager::

        tracker = MyTracker(output_run="./logs")
        tracker.init()
        tracker.log(epoch=1, log_dict={"loss": 0.1, "accuracy": 0.9})
        tracker.close()

    Args:
        output_run: the directory where logs are stored. In a managed run the manager sets it.
    """

    contract: ClassVar[int] = 1
    """The number of this contract. A tracker in a distribution of its own writes here for which it was written: one of
    another number is refused before a run begins, with what mends that."""

    requires: ClassVar[tuple[str, ...]] = ()
    """Packages that :meth:`init` imports; they are looked for before a run begins."""

    extra: ClassVar[str] = ""
    """The extra of tracklib's distribution that installs :attr:`requires`."""

    holds_no_lock: ClassVar[bool] = False
    """Whether no call of the tracker's imports, or holds a lock that is not the tracker's own: a fork need not wait for
    it."""

    imports: tuple[str, ...] = ()
    """More modules that the tracker's calls import. In the training process, they are imported before the first of
    its threads: a module that a thread imports is seen half made by everybody."""

    in_process: bool = False
    """Whether the tracker lives in the training process whatever it needs. Without it, a built-in or a plug-in
    with :attr:`requires` lives in the companion process, so that the SDK cannot touch the training."""

    lives_elsewhere: bool = False
    """Whether this object only shows :attr:`state` and :attr:`location` of a tracker in the companion process."""

    in_companion: ClassVar[bool] = False
    """Whether a built-in or a plug-in lives in the companion process though it :attr:`requires` nothing: so that it
    lives on where the training dies."""

    is_alert: ClassVar[bool] = False
    """Whether it tells of the run to somebody, rather than keep it: a child run does not take it over."""

    owner_pid: int | None = None
    """The training process, for a tracker in the companion process."""

    batch_size: ClassVar[int] = 1
    """The most records that one :meth:`log_batch` gets. Raise it together with a :meth:`log_batch`
    of your own; after a failure the whole batch comes again."""

    reads_whole_journal: ClassVar[bool] = False
    """Whether the tracker is handed the run from its first record on each time it begins, since it builds
    its output anew, or since it knows itself which records it has."""

    builds_anew: ClassVar[bool] = False
    """Whether :meth:`init` begins an empty output each time. So what is superseded is not in it: it is built anew
    without."""

    name_option: ClassVar[str] = ""
    """The config's key that names the run at the backend, if there is one. A child run does not take it over."""

    config_schema: ClassVar[dict[str, dict[str, Any]]] = _ConfigSchema()  # type: ignore[assignment]  # a descriptor
    """What a config of this tracker may hold, with the ``type``, ``required`` and ``default`` of each key."""

    output_run: str
    """The directory where logs are stored."""

    ended_at: int | None = None
    """When the run ended, in milliseconds since the epoch, once :meth:`finish` is called for it."""

    ended_with: str = ""
    """The exception that ended the run, in words, secrets masked, by then; empty where none did."""

    state: dict[str, str]
    """What must outlive the process, such as the backend's run id. Kept in ``state/<tracker>.json``."""

    is_abandoned: bool = False
    """Whether nobody waits for the tracker any more, and another process may deliver what is left. A call
    that is still going on had better change nothing."""

    _options: Mapping[str, Any] = MappingProxyType({})  # of the config that it was made from

    _portion: Portion | None = None

    location: str = ""
    """Where a person finds the run at this backend, once :meth:`init` has returned."""

    def __init__(self, *, output_run: str | None = None) -> None:
        self.output_run = "." if output_run is None else os.fspath(output_run)
        self.state = {}

    def attach(self, begin: Begin, output_run: str, state: Mapping[str, str] = MappingProxyType({})) -> None:
        """Make this the tracker of one run: all that its manager tells it before :meth:`init`.

        Args:
            begin: what the run said when it began.
            output_run: the run's directory.
            state: what :attr:`state` was when an earlier process left the run.
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
        """Say what the tracker gets of a run's metrics, as the keys of the same names do in a config::

            Wandb(project="digits").gets(include=["val/*", "loss"], every={"batch": 10})

        The journal has everything; params, tags, artifacts and the status go to every tracker. It is the manager who
        leaves the rest out, so nothing is by hand. It does not change which tracker it is: in a run that goes on, it
        holds for what the tracker has not got yet.

        Args:
            include: patterns of metrics' names (``*``: any text, ``/`` too; ``?``; ``[abc]``); None is all.
            exclude: patterns of what it does not get, even where ``include`` names it.
            rename: pattern to new name, of which the first that fits counts; what a wildcard stands for goes to the
                ``*`` of the same place: ``{"val/*": "validation/*"}``. Where a record has another of that name, it is
                not renamed, with a warning.
            every: axis to ``n``: of ``n`` steps of the axis one, the first among them, with all records of that step.
                A best value comes in any case.

        Raises:
            ConfigError: with all that is wrong.
        """
        with Mistake(ConfigError):
            self._portion = Portion(include, exclude, rename, every)
        return self

    @functools.cached_property
    def begin(self) -> Begin:
        """What the run said when it began, with its uid, name, attempt and parent. By hand, a run for the occasion,
        without a name, whose attempt is 0."""
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
        """Whether there is no manager, so that what is logged now is all that there will be."""
        return self.begin.attempt == 0

    @abstractmethod
    def init(self) -> None:
        """Connect, and create the run or find it again."""

    @abstractmethod
    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        """Keep ``log_dict``, a flat dict of metric names to floats, at ``epoch``."""

    def log_batch(self, records: Sequence[Log]) -> None:
        """Keep many records. The default calls :meth:`log` for each."""
        for record in records:
            self.log(record.step, record.metrics)
            self.acknowledge(1)

    def acknowledge(self, records: int = 0) -> None:
        """Say, within a call, that the backend has the next ``records`` of those that it was handed: should the call
        fail, they do not come again, and who waits at the run's end sees that it gets on. With 0, that it has a further
        part of a record, which the tracker itself knows to pass over if the record comes again. Managers listen."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Keep hyperparameters: ``params`` are nested mappings of JSON values. The default does nothing."""

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Keep tags; a bare tag has an empty value. The default does nothing."""

    def log_best(self, best: Best) -> None:
        """Keep the best value so far of a metric, and where it was. The default does nothing."""

    def log_histogram(self, histogram: Histogram) -> None:
        """Keep how values were distributed at a step: ``histogram`` has edges and counts. The default does nothing."""

    def finish_epoch(self, epoch: int) -> None:
        """The run has finished this epoch of ``t.epochs``. The default does nothing."""

    def also_alerts(self, rules: Mapping[str, Any]) -> bool:
        """Tell by the backend's own alert what these rules say; before :meth:`init`. The default cannot: False."""
        return False

    def idle(self) -> None:
        """Nothing more was logged for now: comes about once a second, as long as it is so. The default does nothing."""

    def log_superseded(self, superseded: Superseded) -> None:
        """What was logged before of the epochs that are ``superseded`` counts no more: a checkpoint was loaded, they
        come again. Records of them that this tracker has not got yet do not come any more. The default does nothing."""

    def log_artifact(self, name: str, path: str) -> None:
        """Keep a copy of the file or folder ``path`` as ``name``. The default does nothing."""

    def log_note(self, note: Note) -> None:
        """Keep a ``note``: a text and where it belongs. The default does nothing."""

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Keep a copy of the model's checkpoint ``path``, a file or folder. One that the run has let go meanwhile does
        not come. The default takes it for an artifact of its name."""
        self.log_artifact(checkpoint.name, path)

    def is_intact(self) -> bool:
        """Whether nothing is left to do for a run that has ended. Asked before :meth:`init`, which comes if not."""
        return True

    def close(self) -> None:
        """Give back what :meth:`init` took. The default does nothing."""

    def finish(self, status: Status) -> None:
        """The run ended with ``status``: say so to the backend, and close. The default calls :meth:`close`."""
        self.close()

    def is_transient(self, error: BaseException) -> bool:
        """Whether the same call that raised ``error`` may work later. The default: the network's errors, and
        :class:`~tracklib.TrackerUnavailable`."""
        return isinstance(error, ConnectionError | TimeoutError | TrackerUnavailable)

    def is_answering(self) -> bool:
        """Whether the backend takes something else than the record that it fails on time and again: that one is put
        aside then, as if it were refused. Ask it to write something that changes nothing.

        The default says no: the record is tried for ever.
        """
        return False

    @property
    def files(self) -> tuple[str, ...]:
        """Names in :attr:`output_run` that belong to the run, to be moved away with it."""
        return ()

    @property
    def run(self) -> Any:
        """The backend's own run object, once :meth:`init` has returned; None where there is none.

        Raises:
            LifecycleError: it is in the companion process.
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
