"""What a rank says together with the others of its launch, and how it leaves them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from .._journal.encoding import as_numbers
from .._journal.rank_file import RankFile
from .._journal.records import Begin, Contribution, End, Epoch, Number, Reduction
from .._journal.reducing import Reducing
from .._values.gathering import Part
from .background import keep_synced

PATIENCE = 10.0


class Sharing:
    """One rank's part of a run that several have.

    Args:
        directory: the run's.
        rank: this process's.
        begin: how rank 0 began the attempt.
        reducing: rank 0's, which makes one record of all ranks' words.
        says_epochs: whether where it is in a loop is told from the start.
    """

    def __init__(self, directory: str, rank: int, begin: Begin, reducing: Reducing | None, says_epochs: bool) -> None:
        self.reducing = reducing
        self.begin = begin
        self._directory = directory
        self._rank = rank
        self._says_epochs = says_epochs
        self._file: RankFile | None = None
        if rank:
            self._open()

    def _open(self) -> RankFile | None:
        """This rank's file; None where the disk refuses it."""
        if self._file is None:
            with contextlib.suppress(OSError):
                self._file = RankFile(self._directory, self._rank, self.begin)
                keep_synced(self._file)
        return self._file

    def say(self, axis: str, step: int, values: Mapping[str, float], how: Reduction, parts: Mapping[str, Part]) -> bool:
        """Say ``values``, of which something is made over all ranks; whether it is kept.

        Args:
            axis, step: where.
            values: this rank's own.
            how: what is made of them.
            parts: of what was gathered: what each is made of.
        """
        if file := self._open():
            metrics, hows, weights = as_said(values, how, parts)
            file.say(
                Contribution(
                    time=file.now(), axis=axis, step=step, metrics=metrics, how=how, hows=hows, weights=weights
                )
            )
            self._says_epochs = True
        return file is not None

    def finish_epoch(self, epoch: Epoch) -> None:
        """This rank is behind it."""
        if self._says_epochs and (file := self._open()):
            file.say(epoch)

    def end(self, waits: bool) -> None:
        """Rank 0 leaves: make records of what all said; if it ``waits``, with what ranks that are still going say."""
        if self.reducing:
            self.reducing.end(PATIENCE if waits else 0.0)

    def leave(self, end: End) -> None:
        """Say how this rank ended; where nothing was said, rank 0 has no file."""
        file = self._open() if self._rank else self._file
        if file:
            file.leave(end)

    def after_fork_in_child(self) -> None:
        """It goes on with the same file."""
        if self._file:
            self._file.after_fork_in_child()


def as_said(
    values: Mapping[str, float], how: Reduction, parts: Mapping[str, Part]
) -> tuple[dict[str, Number], dict[str, Reduction], dict[str, Number]]:
    """The values, how each is reduced that is so otherwise, and the weights of those that are sums now."""
    if how != "mean":
        return as_numbers(values), {}, {}
    said = dict(values)
    hows: dict[str, Reduction] = {}
    weights: dict[str, float] = {}
    for name, part in parts.items():
        if name in said:
            if part.how == "mean":
                said[name], weights[name] = part.total, part.weight
            else:
                hows[name] = part.how
    return as_numbers(said), hows, as_numbers(weights)
