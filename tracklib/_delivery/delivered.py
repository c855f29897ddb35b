"""How far each tracker of a run is, by what it noted beside the journal; for who looks at a run from outside."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._journal import layout
from .._journal.reader import count_said
from .._journal.state import load
from .._journal.tail import size_of
from ..trackers._identity import fingerprints, names_of


class Delivered(NamedTuple):
    """``left`` counts records that the tracker has not, ``rejected`` those that it refused.

    ``is_told`` says whether it knows that the run's last attempt has ended.
    """

    name: str
    left: int
    rejected: int
    is_told: bool

    @property
    def is_complete(self) -> bool:
        """Whether the tracker has all of it."""
        return self.is_asked and not self.rejected

    @property
    def is_asked(self) -> bool:
        """Whether nothing is left to be delivered; some of it may have been refused for good."""
        return not self.left and self.is_told

    @property
    def words(self) -> str:
        """In words."""
        refused = f", {self.rejected} refused" if self.rejected else ""
        if self.left:
            return f"{self.left} to deliver{refused}"
        return f"all{refused}" if self.is_told else f"all but the end{refused}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "left": self.left, "rejected": self.rejected, "told": self.is_told} | {
            "complete": self.is_complete
        }


def delivered(directory: str, configs: Sequence[Mapping[str, Any]], uid: str, attempt: int = 0) -> list[Delivered]:
    """Of each tracker of the run ``uid`` in ``directory``, by the ``configs`` of its last attempt."""
    journal = layout.journal_path(directory)
    size = size_of(journal) if os.path.exists(journal) else 0
    found = []
    for name, config in zip(names_of(configs), fingerprints(configs), strict=True):
        saved = load(layout.tracker_state(directory, name), journal, uid, config)
        left = (count_said(journal, saved.offset) if saved.offset < size else 0) + len(saved.aside)
        found.append(Delivered(name, left, saved.rejected, saved.ended >= max(attempt, saved.attempt, 1)))
    return found
