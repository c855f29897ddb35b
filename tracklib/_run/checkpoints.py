"""The checkpoints of a run's model."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from typing import Any

from .._common.files import SCRATCH, checked_file_name
from .._common.snapshots import Snapshot
from .._journal.checkpoints import CheckpointPath
from .._journal.known_checkpoints import KnownCheckpoints
from .._journal.records import Checkpoint
from .._values.arguments import INT64, holds, shown, whole_number
from .._values.flat import clean
from .._values.mappings import as_mapping
from .artifacts import source_of
from .epochs import EpochWords
from .keeping import Rule


class CheckpointWords(EpochWords):
    """Keeps checkpoints, and finds them again."""

    def log_checkpoint(
        self,
        path: str | os.PathLike[str],
        metrics: Any = None,
        *,
        epoch: int | None = None,
        name: str | None = None,
        keep: int | None = None,
        keep_best: int = 1,
        keep_every: int | None = None,
        link: bool = False,
    ) -> None:
        """Keep a checkpoint of the model: a copy of a file or folder, in ``checkpoints/`` of the run's directory::

            torch.save(model.state_dict(), "model.pt")
            t.log_checkpoint("model.pt", metrics={"val/accuracy": accuracy}, keep=3)

        The newest is the ``"latest"``; the one with the best value of a metric that the run's option ``best`` names is
        the ``"best"``. The file has to be complete when this is called; it may be deleted or replaced afterwards. Up to
        32 MiB, and where the file system shares blocks (btrfs, XFS: reflinks, Linux), it is kept when this returns. A
        larger one is copied in the background, from the open file; the run's end waits for that. A file that is written
        into meanwhile is not kept: the log ``tracklib`` says so, and from then on it is copied during the call.

        Args:
            path: the file or folder.
            metrics: names to numbers, as for ``log``: the model's results. None takes what the run logged of its
                ``best`` metrics at this epoch; with ``ranks="mean"`` and the like those are not known yet, so give
                them, from :meth:`agree`. NaN and the infinities are left out.
            epoch: the epoch after which the model was saved. None takes the current epoch of :meth:`epochs`, after its
                loop the last one; without a loop the last epoch that was logged, or -1 before the first.
            name: what to call it, without a folder; None takes ``epoch-<epoch>`` with the ending of ``path``. A later
                one replaces an earlier one of the same name.
            keep: how many of the newest to keep, this one included; older ones are deleted. None keeps all.
            keep_best: how many of the best to keep besides.
            keep_every: keep those of every n-th epoch besides.
            link: hard-link the file instead of copying it, where both lie on one file system: for files that are
                deleted or replaced, but never written into, such as a framework's numbered checkpoints. A folder
                is copied.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: ``path`` cannot be read, or the run's directory cannot be written.
            TypeError: ``metrics`` is no mapping.
            ValueError: ``name`` holds a folder, ``path`` holds the run's own directory, or ``epoch`` or one of the
                ``keep`` options is no such number.
        """
        attempt = self._need_open("log_checkpoint")
        source = source_of(path)
        if holds(source, attempt.directory):
            raise ValueError(f"{source} holds the run's own directory: name a folder in it, or another output_run")
        rule = Rule(
            _count("keep", keep, 1), _count("keep_best", keep_best, 0) or 0, _count("keep_every", keep_every, 1)
        )
        at = self._epoch_of_checkpoint(epoch)
        kept_as = checked_file_name(f"epoch-{at}{os.path.splitext(source)[1]}" if name is None else name)
        if kept_as.startswith(SCRATCH):
            raise ValueError(f"name={kept_as!r} must not begin with {SCRATCH!r}: what is half written is called so")
        values, links = self._values_of_checkpoint(metrics, at), bool(link)
        if not attempt.keeps:
            Snapshot(source).close()  # whether it can be read
            return
        modes = attempt.elsewhere.handle.best if attempt.elsewhere else attempt.bests.modes
        by = next((each for each in modes if each in values), "")
        if metrics is None and (unknown := attempt.bests.shared - values.keys()):
            self._warn_shared(min(unknown))
        if values and not by and not any(name in modes for name in as_mapping(metrics) or modes):
            self._warn_best_unknown(values, modes)
        record = Checkpoint(time=0, name=kept_as, epoch=at, metrics=values, by=by, mode=modes.get(by, "min"))
        attempt.keeping.keep(source, record, rule, attempt.journal, links=links)

    def checkpoint(self, which: str | int = "latest") -> CheckpointPath | None:
        """The path of a checkpoint that the run keeps, earlier attempts' included: to resume from it, say::

            kept = t.checkpoint("latest")
            if kept:
                model.load_state_dict(torch.load(kept))
            for epoch in t.epochs(20, start=kept.epoch + 1 if kept else 0):
                ...

        It waits for one that is still being copied. Other ranks look into rank 0's directory, where they can see it:
        ask before the training begins, so that all ranks get the same one.

        Args:
            which: ``"latest"``, ``"best"``, a checkpoint's name, or an epoch.

        Returns:
            A path, which is a ``str`` with the attributes ``epoch``, ``metrics``, ``name``, ``aliases``, ``size``
            (bytes) and ``sha256``. None where there is no such checkpoint, or its file is gone.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: the journal cannot be read.
            TypeError: ``which`` is neither a name nor a number.
        """
        attempt = self._need_open("checkpoint")
        number = None if isinstance(which, str) else whole_number(which)
        if not isinstance(which, str) and number is None:
            raise TypeError(f"checkpoint takes 'latest', 'best', a name or an epoch; got {shown(which)}")
        wanted = which if isinstance(which, str) else number or 0
        attempt.keeping.wait()
        has_run = attempt.keeps or attempt.met or attempt.earlier
        known = attempt.keeping.known() if attempt.keeps else KnownCheckpoints(self.directory).now()
        return known.find(wanted) if has_run else None

    def _epoch_of_checkpoint(self, epoch: Any) -> int:
        if epoch is not None:
            number = whole_number(epoch)
            if number is None:
                raise ValueError(f"epoch must be a whole number, as 7; got {shown(epoch)}")
            return number
        here = self._epoch_here
        if here is None:
            here = self._steps.get("epoch")
        return min(max(self._first_step() - 1, -1), INT64 - 1) if here is None else here

    def _values_of_checkpoint(self, metrics: Any, epoch: int) -> dict[str, float]:
        if metrics is None:
            return self._attempt.bests.at(epoch)
        found = as_mapping(metrics)
        if found is None:
            got = type(metrics).__name__
            raise TypeError(f"metrics must map names to numbers, as {{'val/accuracy': 0.9}}; got {got}")
        if not self._keeps:
            return {}
        values, skipped = clean(found)
        for key, why in skipped:
            self._warn_once("value", f"{key}: {why}", f"metric {key!r} of the checkpoint is left out: {why}")
        return {name: value for name, value in values.items() if math.isfinite(value)}

    def _warn_shared(self, name: str) -> None:
        self._warn_once(
            "checkpoint",
            name,
            f"no checkpoint is the best one by {name!r}: it is made of all ranks' values, behind the loop; say it "
            f"at the call, as log_checkpoint(..., metrics=t.agree({{{name!r}: ...}}))",
        )

    def _warn_best_unknown(self, values: Iterable[str], modes: Iterable[str]) -> None:
        name = next(iter(values))
        told = ", ".join(map(repr, modes)) or "none"
        self._warn_once(
            "checkpoint",
            name,
            f"no checkpoint with {', '.join(map(repr, values))} is the best one: the run's option best names {told}; "
            f"say which is better, as tracking(..., best={{{name!r}: 'max'}})",
        )


def _count(name: str, value: Any, least: int) -> int | None:
    number = None if value is None else whole_number(value)
    if value is not None and (number is None or number < least):
        raise ValueError(f"{name} must be a whole number from {least} on, as 3; got {shown(value)}")
    return number
