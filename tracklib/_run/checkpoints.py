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

        The newest is the ``"latest"``; of those with a metric that the run's option ``best`` names, one is the
        ``"best"``. The file has to be complete; what becomes of it behind the call is no matter. Where the file system
        shares blocks (reflinks of btrfs, XFS, on Linux), and up to 32 MiB, it is kept when this returns. Else it is
        copied behind the loop, from the open file, and kept once that is done; the run's end waits for it. A file that
        is written into meanwhile is not kept, which the log says, and from then on copied at the call.

        Args:
            path: the file or folder.
            metrics: names to numbers, as for ``log``: the values that the model has. None takes what the run logged
                of its ``best`` metrics at this epoch; what is made of all ranks' values is not known then, but by
                ``agree``. NaN and the infinities are left out.
            epoch: the one behind which the model stands. None takes the one that is going on, behind a loop its last
                one; without a loop the last one that was logged at; before that -1.
            name: without a folder; None takes ``epoch-<epoch>`` with the ending of ``path``. A later one of the same
                name takes the earlier one's place.
            keep: how many of the newest stay, this one among them; earlier ones are deleted. None keeps all.
            keep_best: how many of the best stay besides.
            keep_every: those of each so manyth epoch stay besides.
            link: give the file a second name instead of copying it, where both lie on one file system: for files that
                are deleted or replaced, but never written into, as a framework's numbered checkpoints are. A folder
                is copied.

        Raises:
            LifecycleError: the run has not begun, or has ended.
            OSError: ``path`` cannot be read, or the directory not be written.
            TypeError: ``metrics`` is no mapping.
            ValueError: ``name`` holds a folder, ``path`` the run's own directory, or a number is none.
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
        """The path of a checkpoint that the run has, of an earlier attempt too: to go on with it, say::

            kept = t.checkpoint("latest")
            if kept:
                model.load_state_dict(torch.load(kept))
            for epoch in t.epochs(20, start=kept.epoch + 1 if kept else 0):
                ...

        Where one is being copied, that is waited for. On other ranks it is what rank 0's directory says, where that can
        be seen: ask before the training begins, where all have to have the same.

        Args:
            which: ``"latest"``, ``"best"``, a name, or an epoch.

        Returns:
            A path (a ``str``, with ``epoch``, ``metrics``, ``name``, ``aliases``, ``size`` and ``sha256``); None where
            there is no such checkpoint, or its file is gone.

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
