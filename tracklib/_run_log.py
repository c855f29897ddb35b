"""What a run can say: each call is one record in its journal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ._directory import copy_whole
from ._earlier import Earlier, last_step
from ._inputs import INT64, as_axis, as_params, as_tags, holds, shown, whole_number
from ._journal import Journal
from ._records import Artifact, Log, Params, Tags
from ._values import as_mapping, clean
from ._warn import warn
from .errors import LifecycleError


class RunLog:
    """The words of a run that is going on. ``Trackers`` begins and ends it.

    Attributes:
        is_init: whether the run has begun and not ended.
        directory: the run's directory, an absolute path.
    """

    directory: str

    def __init__(self) -> None:
        self.is_init = False
        self._journal: Journal | None = None
        self._earlier: Earlier | None = None
        self._steps: dict[str, int] = {}
        self._moment = 0
        self._steps_now: set[int] = set()  # of the records of this millisecond
        self._warned: set[tuple[str, str]] = set()

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
            journal.append(Log(time=self._time_of(step, journal), axis=axis, step=step, metrics=metrics))
        for key, why in skipped:
            self._warn_once("value", f"{key}: {why}", f"metric {key!r} is not logged: {why}")

    def _time_of(self, step: int, journal: Journal) -> int:
        """When a record of ``step`` is made. Two of one step differ in it, so that MLflow keeps both."""
        time = journal.now()
        if time != self._moment:
            self._moment, self._steps_now = time, {step}
        elif step in self._steps_now:
            self._moment, self._steps_now = journal.now(later=True), {step}
        else:
            self._steps_now.add(step)
        return self._moment

    def _step(self, epoch: Any, axis: str) -> int:
        step = None if epoch is None else whole_number(epoch)
        if step is not None:
            return step
        automatic = min(self._steps[axis] + 1, INT64 - 1) if axis in self._steps else self.first_step(axis)
        if epoch is not None:
            what = f"{axis} {shown(epoch)}"
            self._warn_once("step", axis, f"{what} is no whole number of 64 bits: {automatic} is taken, and so on")
        return automatic

    def first_step(self, axis: str = "epoch") -> int:
        """The first automatic step of this attempt: 0, or the one after the last that an earlier attempt logged."""
        if self._earlier is None:
            return 0
        return min(last_step(self.directory, axis, self._earlier) + 1, INT64 - 1)

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
