"""The checkpoints of a run as its journal tells of them now, each line of it read once."""

from __future__ import annotations

import contextlib
import os

from . import layout
from .checkpoints import Checkpoints
from .encoding import marker
from .reader import Reader
from .records import Checkpoint, Superseded

_MARKERS = marker(Checkpoint), marker(Superseded)


class KnownCheckpoints:
    """Reads the journal in ``directory``, whoever writes it."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._path = layout.journal_path(directory)
        self._offset = 0
        self._found = Checkpoints(directory)

    def now(self) -> Checkpoints:
        """All that the run has; none where it has no journal.

        Raises:
            OSError: the journal cannot be read.
        """
        if os.path.exists(self._path):
            with contextlib.closing(Reader(self._path, self._offset)) as reader:
                for record in reader.records_with(*_MARKERS):
                    if isinstance(record, Checkpoint):
                        self._found.take(record)
                    elif isinstance(record, Superseded):
                        self._found.supersede(record)
                self._offset = reader.offset
        return Checkpoints(self._directory, self._found.records.values())
