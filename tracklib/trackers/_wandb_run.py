"""The run at W&B: begun or taken up again, told what a tracker says, and found to be lost."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._common.secrets import error_text
from .._journal.records import Histogram, Log
from ..errors import LifecycleError, TrackerBlocked, TrackerLost, TrackerUnavailable
from ._wandb_core import begin_own, core_pid, disconnect, has_died, hide, is_core, is_cut_off, is_finished
from ._wandb_offline import need_another_second, need_whole, rows_in
from ._wandb_settings import need_credentials

if TYPE_CHECKING:
    import wandb

# What may pass by itself, W&B tried until its own timeout, and its error says so.
_TRIED_LONG = ("timed out", "deadline exceeded", "giving up after", "while retrying")


class RunAtWandb:
    """Where a tracklib run is at W&B.

    Attributes:
        run: W&B's, from its beginning to its end.
        rows: W&B has the rows of all ordinals below.
        file: what an offline run is written into; else empty.
    """

    def __init__(self) -> None:
        self.run: wandb.Run | None = None
        self.rows = 0
        self.file = ""
        self._on_other_axes: set[str] = set()

    @property
    def is_off(self) -> bool:
        """Whether W&B is disabled: then the run keeps nothing, and has no folder."""
        return self.run is not None and self.run.settings.mode == "disabled"

    def take_up(
        self,
        begin: Callable[[wandb.Settings], wandb.Run],
        settings: wandb.Settings,
        mode: str | None,
        old_files: Sequence[str],
        epoch: str,
    ) -> wandb.Run:
        """Begin the run, or go on with it.

        Args:
            begin: calls ``wandb.init``.
            settings: W&B's, for it.
            mode: as the tracker was told.
            old_files: what offline attempts left.
            epoch: what the epochs' axis is called, over which all charts are drawn.

        Raises:
            TrackerBlocked: somebody has to mend something first.
        """
        need_another_second(old_files)
        if self.run is not None:  # begun by an earlier call, which failed behind that
            self.lost("an earlier beginning failed")
        if has_died():  # with an earlier run
            disconnect()
        begin_own()
        run = self.run = _begun(begin, settings, mode)
        hide(run)
        self._on_other_axes = set()
        run.define_metric(epoch)
        run.define_metric("*", step_metric=epoch, step_sync=False)
        self.file = run.settings.sync_file if run.offline else ""
        self.rows = max([run.starting_step, *rows_in(old_files if self.file else [])])
        return run

    @contextlib.contextmanager
    def live(self) -> Iterator[wandb.Run]:
        """The run; where it turns out to be lost, that is told from other errors.

        Raises:
            LifecycleError: it has not begun.
            TrackerLost: it is lost.
        """
        run = self.run
        if run is None:
            raise LifecycleError("W&B's run has not begun: call init() before log()")
        if is_finished(run):  # to finish it once more would not change the status that it has now
            raise self.lost("somebody finished W&B's run")
        try:
            yield run
        except Exception as error:
            if not is_core(core_pid()) or is_cut_off(error):
                raise self.lost(f"W&B's own process died ({error_text(error)})") from error
            if is_finished(run):
                raise self.lost("somebody finished W&B's run") from error
            raise
        if self.file and not os.path.exists(self.file):
            raise self.lost(f"{self.file} is gone")

    def lost(self, why: str) -> TrackerLost:
        """Leave the run; what is to be raised."""
        run, self.run = self.run, None
        with contextlib.suppress(Exception):
            if run is not None:
                run.finish()
        if not is_core(core_pid()):
            disconnect()
        return TrackerLost(f"{why}: it is taken up again")

    def log_row(self, record: Log | Histogram, axis: str, row: dict[str, Any]) -> None:
        """Log a row, unless W&B has it already: within :meth:`live`.

        Args:
            record: tells the time and the step.
            axis: what its axis is called at W&B.
            row: values by the names that they have there.
        """
        if record.ordinal < self.rows:
            return
        assert self.run is not None
        if record.axis != "epoch":
            self._define(self.run, axis, row.keys())
        row |= {axis: record.step, "_timestamp": record.time / 1000}
        self.run.log(row, step=record.ordinal, commit=True)
        self.rows = record.ordinal + 1

    def _define(self, run: wandb.Run, axis: str, names: Iterable[str]) -> None:
        """Draw metrics over another axis than the epoch, and that axis over W&B's own step."""
        for name in [axis, *names]:
            if name not in self._on_other_axes and "*" not in name:  # it would be a pattern, for other metrics too
                over = None if name == axis else axis
                run.define_metric(name, step_metric=over, step_sync=False if over else None)
            self._on_other_axes.add(name)

    def config(self, told: Mapping[str, Any]) -> None:
        """Set these keys of W&B's config."""
        with self.live() as run:
            config: Any = run.config
            config.update(dict(told), allow_val_change=True)

    def end(self, exit_code: int) -> None:
        """End the run: within :meth:`live`."""
        assert self.run is not None
        self.run.finish(exit_code=exit_code)
        self.run = None

    def need_whole_file(self) -> None:
        """Wait until an offline run's file has its end.

        Raises:
            TrackerLost: it does not come.
        """
        if self.file:
            need_whole(self.file)


def need_quiet(core: str) -> None:
    """See that no earlier attempt's files are still written.

    Args:
        core: that attempt's host and the number of W&B's process there; or empty.

    Raises:
        TrackerUnavailable: that process lives.
    """
    host, _, pid = core.rpartition(" ")
    if host == socket.gethostname() and int(pid) != core_pid() and is_core(int(pid)):
        raise TrackerUnavailable(f"the W&B process {pid} of an earlier attempt is still writing")


def _begun(begin: Callable[[wandb.Settings], wandb.Run], settings: wandb.Settings, mode: str | None) -> wandb.Run:
    import wandb

    try:
        need_credentials(settings, mode)
        return begin(settings)
    except (wandb.errors.CommError, wandb.errors.UsageError) as error:
        if any(sign in str(error).lower() for sign in _TRIED_LONG):
            raise
        raise TrackerBlocked(f"W&B: {error}") from error
