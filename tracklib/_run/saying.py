"""What a run can say: each call is one record in its journal."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from .._common.files import checked_file_name, checksum, copy_whole, placed
from .._common.warn import warn
from .._journal import layout
from .._journal.journal import Journal
from .._journal.last_attempt import Earlier, finished_epochs, last_step
from .._journal.records import Artifact, Best, Epoch, Log, Params, Tags
from .._values.arguments import INT64, as_axis, as_params, as_tags, holds, shown, whole_number
from .._values.flat import clean
from .._values.mappings import as_mapping
from .._values.media import save_figure, save_image, save_table, save_text, with_ending
from ..errors import LifecycleError
from .epoch_bar import EpochBar


class RunLog:
    """The words of a run that is going on. ``Trackers`` begins and ends it.

    Attributes:
        is_init: whether the run has begun and not ended.
        directory: the run's directory, an absolute path.
        epoch: the epoch of :meth:`epochs` that is going on; None outside.
        best: the best value of each metric that was asked for, with the step at which it was; empty on a
            rank other than 0.
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
        self.epoch: int | None = None
        self.best: dict[str, Best] = {}
        self._bests: dict[str, Literal["min", "max"]] = {}
        self._finished: int | None = None  # epochs of all attempts; None until somebody asks
        self._title = ""
        self._is_silent = False
        self._start_seeing()

    def _start_seeing(self) -> None:
        """Begin, or go on in a forked child: another thread may have held the lock, and the bar is the parent's."""
        self._best_lock = threading.RLock()
        self._bar: EpochBar | None = None

    def log(self, epoch: Any, log_dict: Mapping[Any, Any], *, axis: str = "epoch") -> None:
        """Log metrics. When it returns, they survive the process.

        Args:
            epoch: a whole number of any package. None takes the epoch of :meth:`epochs` that is going on; where
                there is none, and on another axis, the next one on this axis.
            log_dict: names to numbers of any package (a scalar tensor, too), nested as you like: nested
                names are joined by ``/``. What is no number is passed over, with one warning a name.
            axis: what ``epoch`` counts.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            TypeError: ``log_dict`` is no mapping.
        """
        journal = self._journal
        if journal is None or not self.is_init:
            journal = self._need_journal("log")
        if type(log_dict) is not dict and not isinstance(log_dict, Mapping):  # to ask an abstract class takes longer
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
            if self._bests or self._bar:
                self._see(metrics, axis, step)
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

    def _see(self, metrics: dict[str, float], axis: str, step: int) -> None:
        """Show the newest values, and know the best."""
        bar = self._bar
        if bar and axis != "system":
            bar.show(metrics)
        for name, mode in self._bests.items():
            if name in metrics and _is_better(metrics[name], self.best.get(name), mode):
                self._keep_best(name, mode, metrics[name], axis, step)

    def _keep_best(self, name: str, mode: Literal["min", "max"], value: float, axis: str, step: int) -> None:
        with self._best_lock:  # so that of two threads the better one is the last in the journal, too
            if self._journal and _is_better(value, self.best.get(name), mode):
                time = self._journal.now(later=True)  # than the best before, or MLflow would show the larger of the two
                best = Best(time=time, name=name, mode=mode, value=value, axis=axis, step=step)
                self.best[name] = best
                self._journal.append(best)

    def epochs(self, count: int) -> Iterator[int]:
        """Count the run's epochs, with a progress bar::

            for epoch in t.epochs(20):
                train_epoch(model, data)

        :attr:`epoch` is the one that is going on, and what ``@tracked`` functions log at. The bar shows the
        newest metrics; it is there in a terminal or a notebook only. The run goes on behind the last epoch
        that was finished, in this attempt or an earlier one: one that was left by ``break`` or an exception
        was not. All ranks count alike where all see the run's directory.

        Args:
            count: how many epochs the whole run has, those of earlier attempts and loops among them.

        Raises:
            LifecycleError: the run has not begun, or has ended; on iterating, another loop is going on.
            ValueError: ``count`` is no whole number from 0 on.
        """
        self._need_journal("epochs")
        number = whole_number(count)
        if number is None or number < 0:
            raise ValueError(f"count must be a whole number of epochs from 0 on, as 20; got {shown(count)}")
        return self._epochs(number)

    def _epochs(self, count: int) -> Iterator[int]:
        if self._bar is not None:
            raise LifecycleError(f"epoch {self.epoch} is going on: leave its loop before another begins")
        finished = self._finished_epochs(count)
        bar = self._bar = EpochBar(self._title, finished, count, self._is_silent)
        try:
            for epoch in range(finished, count):
                self.epoch = epoch
                yield epoch
                self._finish_epoch(epoch)
                bar.advance()
        finally:
            self.epoch = self._bar = None
            bar.close()

    def _finished_epochs(self, count: int) -> int:
        """How many epochs the run has finished, at most ``count``; a loop with nothing to do is wondered at."""
        if self._finished is None:
            self._finished = finished_epochs(self.directory, self._earlier) if self._earlier else 0
        elif self._finished >= count > 0 and not self._is_silent:
            more = f"epochs({self._finished + count})"
            warn(
                f"epochs({count}) has nothing to do: the run has finished {self._finished}; {more} counts {count} more"
            )
        return min(self._finished, count)

    def _finish_epoch(self, epoch: int) -> None:
        self._finished = epoch + 1
        if self._journal is not None and self.is_init:
            self._journal.append(Epoch(time=self._journal.now(), number=epoch))

    def _step(self, epoch: Any, axis: str) -> int:
        if epoch is None and axis == "epoch" and self.epoch is not None:
            return self.epoch
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
        """Log hyperparameters: a mapping (omegaconf's, too), a dataclass, a named tuple, an
        ``argparse.Namespace``, an object of attrs, pydantic or msgspec, nested as you like. Values under
        names such as ``api_key`` are masked.

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
        self._need_journal("log_artifact")
        if not os.fspath(path):
            raise ValueError("path must say which file or folder, as 'model.pt'; it is empty")
        source = os.path.abspath(os.fsdecode(path))
        name = checked_file_name(os.path.basename(source) if name is None else name)
        if holds(source, self._artifacts):
            raise ValueError(f"{source} holds the run's own directory: name a folder in it, or another output_run")
        self._keep(name, lambda new: copy_whole(source, new))

    def log_figure(self, name: str, figure: Any) -> None:
        """Keep a matplotlib figure as ``<name>.png``, or a plotly figure as ``<name>.html``; rendered now.

        Args:
            name: without a folder. An ending chooses another format: those of matplotlib; ``.json``, and for
                plotly's pictures what its package kaleido offers.
            figure: the figure, or axes of it.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``figure`` is neither.
            ValueError: ``name`` holds a folder.
        """
        self._render("figure", name, figure, save_figure)

    def log_image(self, name: str, image: Any) -> None:
        """Keep a picture as ``<name>.png``; rendered now.

        Args:
            name: without a folder. An ending chooses another format, as ``.jpg``.
            image: a Pillow image, or an array or tensor of pixels (needs Pillow): height by width, with 1, 3 or 4
                channels in front or behind; integers of 0 to 255 or floats of 0 to 1. What is beyond is cut off,
                with a warning; NaN becomes black.

        Raises:
            ImportError: Pillow is not installed.
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``image`` is neither.
            ValueError: ``name`` holds a folder.
        """
        self._render("image", name, image, save_image)

    def log_text(self, name: str, text: str) -> None:
        """Keep a text as ``<name>.txt``, or with the ending that ``name`` has; secrets masked.

        Args:
            name: without a folder.
            text: any length; what is no text is kept as ``str()`` says it.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            ValueError: ``name`` holds a folder.
        """
        self._render("text", name, text, save_text)

    def log_table(self, name: str, table: Any) -> None:
        """Keep a table as ``<name>.csv``; rendered now.

        Args:
            name: without a folder.
            table: pandas' or polars', a list of rows (mappings, or what ``params`` may be), or a mapping of
                columns. Text that a spreadsheet would run as a formula gets a leading ``'``; NaN is ``nan``, and
                what is missing is empty.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the run's directory cannot be written.
            TypeError: ``table`` is none of these.
            ValueError: ``name`` holds a folder, or the columns are not equally long.
        """
        self._render("table", name, table, save_table)

    def _render(self, kind: str, name: Any, value: Any, save: Callable[[Any, str], None]) -> None:
        self._need_journal(f"log_{kind}")
        if not isinstance(name, str):
            got = type(name).__name__
            raise TypeError(f"log_{kind} takes the name first, as log_{kind}('sample', {kind}); the first is a {got}")
        self._keep(with_ending(checked_file_name(name), kind, value), lambda new: save(value, new))

    def _keep(self, name: str, put: Callable[[str], None]) -> None:
        """Have ``put`` write the artifact ``name``, and say so in the journal."""
        with placed(os.path.join(self._artifacts, name)) as new:
            put(new)
            sha256 = checksum(new)
        journal = self._need_journal("log_artifact")
        journal.append(Artifact(time=journal.now(), name=name, sha256=sha256))

    @property
    def _artifacts(self) -> str:
        return os.path.join(self.directory, layout.ARTIFACTS)

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


def _is_better(value: float, best: Best | None, mode: Literal["min", "max"]) -> bool:
    """Whether ``value`` is a finite number, and better than the best one so far."""
    if value - value != 0:
        return False
    return best is None or (value > best.value if mode == "max" else value < best.value)
