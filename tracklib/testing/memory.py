"""MemoryTracker: all that a run says, in lists and dicts, for a test to look at."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from .._journal.records import Best, Checkpoint, Histogram, Log, Note, Status, Superseded
from ..trackers.base import BatchTracker


class MemoryTracker(BatchTracker):
    """Keeps in memory what a run logs, for tests of your own program::

        memory = MemoryTracker()
        with tracking([memory], output_run=tmp_path):
            train()
        assert memory.metrics["loss"] == [(0, 0.5), (1, 0.25)]

    It gets its records in a thread of its own: look at it after the block, or after ``t.flush()``.

    Attributes:
        records: each :class:`~tracklib.Log`, in order.
        metrics: of each metric, its ``(step, value)`` in order; those of another axis under ``<axis>/<metric>``.
        params: all that were logged, each with its last value.
        tags: all that were set, each with its last value.
        best: of each best metric, the last :class:`~tracklib.Best`.
        notes: all notes, in order.
        checkpoints: of each checkpoint that came, its record: name, epoch, metrics and aliases.
        artifacts: the bytes of each artifact's file; those in a folder under ``<artifact>/<file>``.
        status: how the run ended; None while it goes on.
    """

    contract = 1
    batch_size = 1024

    def __init__(self, *, output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self._forget()

    def _forget(self) -> None:
        self._changing = threading.Lock()
        self.records: list[Log] = []
        self.params: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.best: dict[str, Best] = {}
        self.notes: list[Note] = []
        self.checkpoints: dict[str, Checkpoint] = {}
        self.histograms: list[Histogram] = []
        self.artifacts: dict[str, bytes] = {}
        self.status: Status | None = None

    @property
    def metrics(self) -> dict[str, list[tuple[int, float]]]:
        """Of each metric, its ``(step, value)`` in order."""
        found: dict[str, list[tuple[int, float]]] = {}
        with self._changing:
            for record in self.records:
                for name, value in record.metrics.items():
                    key = name if record.axis == "epoch" else f"{record.axis}/{name}"
                    found.setdefault(key, []).append((record.step, value))
        return found

    def init(self) -> None:
        """There is nothing to connect to."""
        self.location = "memory"

    def log_batch(self, records: Sequence[Log]) -> None:
        """Keep them."""
        with self._changing:
            self.records += records

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Keep them, each under its last value."""
        self.params = {**self.params, **params}

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Keep them, each under its last value."""
        self.tags = {**self.tags, **tags}

    def log_best(self, best: Best) -> None:
        """Keep the newest of each metric."""
        self.best = {**self.best, best.name: best}

    def log_histogram(self, histogram: Histogram) -> None:
        """Keep it."""
        with self._changing:
            self.histograms.append(histogram)

    def log_superseded(self, superseded: Superseded) -> None:
        """Forget what counts no more."""
        with self._changing:
            self.records = [record for record in self.records if not superseded.covers(record)]
            self.histograms = [each for each in self.histograms if not superseded.covers(each)]

    def log_artifact(self, name: str, path: str) -> None:
        """Keep the file's bytes."""
        self.artifacts = {**self.artifacts, **dict(_files(name, path))}

    def log_note(self, note: Note) -> None:
        """Keep it."""
        self.notes = [*self.notes, note]

    def log_checkpoint(self, checkpoint: Checkpoint, path: str) -> None:
        """Keep what was said of it, not its bytes."""
        self.checkpoints = {**self.checkpoints, checkpoint.name: checkpoint}

    def finish(self, status: Status) -> None:
        """Keep the status."""
        self.status = status


def _files(name: str, path: str) -> list[tuple[str, bytes]]:
    if not os.path.isdir(path):
        return [(name, _content(path))]
    inside = [os.path.join(folder, file) for folder, _, files in os.walk(path) for file in files]
    return [(os.path.join(name, os.path.relpath(each, path)), _content(each)) for each in sorted(inside)]


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
