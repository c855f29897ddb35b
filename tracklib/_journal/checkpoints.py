"""The checkpoints of a run, as its records tell of them: which there are, and which is the latest and the best."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from . import layout
from .records import Checkpoint, Superseded

LATEST, BEST = "latest", "best"


class CheckpointPath(str):
    """Where a checkpoint is: a path, which says what it is.

    Attributes:
        name: what the run calls it.
        epoch: the epoch that it is of: the model had been trained up to its end.
        metrics: the values that it had.
        aliases: ``"latest"`` and ``"best"``, as far as it is these.
        size: its bytes; of a folder, those of all files in it.
        sha256: a file's checksum when it was logged, in hex; empty for a folder, and where nobody computed it.
        time: when it was logged, in milliseconds since 1970.
    """

    name: str
    epoch: int
    metrics: dict[str, float]
    aliases: tuple[str, ...]
    size: int
    sha256: str
    time: int

    def __new__(cls, directory: str, record: Checkpoint, aliases: Sequence[str] = ()) -> CheckpointPath:
        self = super().__new__(cls, layout.checkpoint_path(directory, record.name))
        self.name, self.epoch, self.metrics = record.name, record.epoch, dict(record.metrics)
        self.aliases, self.size, self.sha256, self.time = tuple(aliases), record.size, record.sha256, record.time
        return self

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return os.path.lexists(self)


class Checkpoints:
    """Those that a run keeps, folded from its records in their order.

    Args:
        directory: the run's.
        records: said so far; of one name, the newest counts.
    """

    def __init__(self, directory: str, records: Iterable[Checkpoint] = ()) -> None:
        self.directory = directory
        self.records: dict[str, Checkpoint] = {}
        for record in records:
            self.take(record)

    def take(self, record: Checkpoint) -> None:
        """A further one was said."""
        take_in(self.records, record)

    def supersede(self, superseded: Superseded) -> None:
        """Forget what counts no more."""
        self.records = {name: each for name, each in self.records.items() if not superseded.covers(each)}

    def __iter__(self) -> Iterator[CheckpointPath]:
        """All, the oldest first."""
        aliases: dict[str, list[str]] = {}
        for alias, record in ((LATEST, self.latest), (BEST, self.best)):
            if record:
                aliases.setdefault(record.name, []).append(alias)
        for name, record in self.records.items():
            yield CheckpointPath(self.directory, record, aliases.get(name, ()))

    def find(self, which: str | int) -> CheckpointPath | None:
        """The one that is ``which``: ``"latest"``, ``"best"``, the name, or an epoch's newest; None where there is
        none whose file is there."""
        for path in reversed(list(self)):
            if which in (*path.aliases, path.name) or (isinstance(which, int) and which == path.epoch):
                return path if path.exists else None
        return None

    @property
    def latest(self) -> Checkpoint | None:
        """The newest whose file is there."""
        return next(reversed(self._there()), None)

    @property
    def best(self) -> Checkpoint | None:
        """The best, as judged by what the newest one that was judged is judged by."""
        return next(iter(self.by_rank()), None)

    def by_rank(self) -> list[Checkpoint]:
        """Those that can be judged, the best first; of two that are as good, the one that came first."""
        there = self._there()
        by = next(((each.by, each.mode) for each in reversed(there) if each.by), None)
        if by is None:
            return []
        name, mode = by
        judged = [each for each in there if name in each.metrics]
        return sorted(judged, key=lambda each: each.metrics[name] if mode == "min" else -each.metrics[name])

    def _there(self) -> list[Checkpoint]:
        return [
            each for each in self.records.values() if os.path.lexists(layout.checkpoint_path(self.directory, each.name))
        ]


def take_in(known: dict[str, Checkpoint], record: Checkpoint) -> None:
    """Add a further one to those that are ``known`` by their names, the newest last; some are kept no more. One whose
    name leads out of its folder, as in a journal that somebody wrote by hand, is none."""
    if not layout.is_name(record.name):
        return
    for name in (record.name, *record.lets_go):
        known.pop(name, None)
    known[record.name] = record


def let_go(known: Checkpoints, latest: int, best: int, every: int | None) -> list[str]:
    """The names of those that are not to be kept: neither of the ``latest`` ones, nor of the ``best``, nor of an epoch
    that ``every`` divides."""
    records = list(known.records.values())
    stay = {each.name for each in (*records[-latest:], *known.by_rank()[:best])}
    stay |= {each.name for each in records if every and each.epoch % every == 0}
    return [each.name for each in records if each.name not in stay]
