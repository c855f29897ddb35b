"""The files and folders that a run kept, as paths."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from .._common.files import checksum


@dataclass(frozen=True)
class Artifact(os.PathLike[str]):
    """A file or folder that the run kept; ``open(artifact)`` and ``pd.read_csv(artifact)`` take it as a path.

    Attributes:
        name: what the run called it.
        path: where it is.
        sha256: a file's checksum when it was logged, in hex; empty for a folder.
        logged: when that was.
    """

    name: str
    path: str
    sha256: str
    logged: datetime

    def __fspath__(self) -> str:
        return self.path

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return os.path.lexists(self.path)

    @property
    def size(self) -> int:
        """Its bytes, of a folder those of all files in it; 0 where it is not there."""
        if not os.path.isdir(self.path):
            return os.path.getsize(self.path) if os.path.exists(self.path) else 0
        files = (os.path.join(folder, name) for folder, _, names in os.walk(self.path) for name in names)
        return sum(os.lstat(file).st_size for file in files)

    def is_intact(self) -> bool:
        """Whether the file is the one that was logged, by its checksum; of a folder, whether it is there."""
        try:
            return checksum(self.path) == self.sha256 if self.sha256 else os.path.isdir(self.path)
        except OSError:
            return False
