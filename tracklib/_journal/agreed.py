"""What ranks tell each other by files in the run's directory, where no store of the training's is there for it."""

from __future__ import annotations

import contextlib
import os

from .._common.files import make_folder
from .._common.open_file import OpenFile, content_of
from . import layout
from .lines import body_of, line_of


class Agreed:
    """A store of keys and values, in a folder that all ranks see. A value is there whole, or not at all.

    Args:
        directory: the run's.
    """

    def __init__(self, directory: str) -> None:
        self._folder = layout.agreed_folder(directory)

    def put(self, key: str, value: bytes) -> None:
        """Set a value that only this process sets.

        Raises:
            OSError: the disk refuses.
        """
        self._write(key, value, os.O_TRUNC)

    def get(self, key: str) -> bytes | None:
        """The value, as far as it is there. It is opened anew, as a network's files are known for a while."""
        with contextlib.suppress(OSError):
            line = content_of(self._path(key))
            if line.endswith(b"\n"):
                return body_of(line[:-1]) or None
        return None

    def decide(self, key: str, value: bytes) -> bytes | None:
        """Set a value if nobody has; the one that was first, as far as it is there."""
        with contextlib.suppress(FileExistsError):
            self._write(key, value, os.O_EXCL)
        return self.get(key)

    def forget(self, key: str) -> None:
        """Nobody asks for it any more."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(key))

    def _write(self, key: str, value: bytes, how: int) -> None:
        make_folder(self._folder)
        file = OpenFile(self._path(key), os.O_WRONLY | os.O_CREAT | how)
        try:
            file.write(line_of(value))
        except OSError:  # no other rank is to wait for the rest of it
            self.forget(key)
            raise
        finally:
            file.close()

    def _path(self, key: str) -> str:
        return os.path.join(self._folder, key.replace("/", "-"))
