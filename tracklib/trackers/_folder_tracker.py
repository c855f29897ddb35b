"""A tracker whose SDK writes a folder, which is built anew from the journal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any, ClassVar

from .._common.files import make_folder
from .._common.names import file_name
from ..errors import LifecycleError
from .base import BatchTracker


class FolderTracker(BatchTracker):
    """Its run is a projection of the journal: written anew, whole, when the run is resumed.

    Args:
        folder: where; None takes :attr:`folder_name` in ``output_run``. A relative path is taken from the directory
            that is current when the tracker is made.
        output_run: the directory where logs are stored.
    """

    batch_size = 512
    reads_whole_journal = True
    builds_anew = True

    folder_name: ClassVar[str]
    """What the folder is called in a run's directory."""

    owns_folder: ClassVar[bool] = False
    """Whether the folder is emptied when the run begins. In one that the user gave, the run has a folder of its own
    then, called by its uid: what else is in there is not ours to delete."""

    def __init__(self, *, folder: str | None, output_run: str | None) -> None:
        super().__init__(output_run=output_run)
        self.folder = None if folder is None else os.path.abspath(folder)
        self._sdk_run: Any = None  # what the SDK has for the run

    @property
    def files(self) -> tuple[str, ...]:
        """The folder, where it is in the run's directory."""
        return () if self.folder else (self.folder_name,)

    def _places(self) -> Mapping[str, str]:
        return {"folder": self.folder} if self.folder else {}

    @property
    def _place(self) -> str:
        """Where the SDK writes."""
        if self.folder is None:
            return os.path.join(self.output_run, self.folder_name)
        if not self.owns_folder:
            return self.folder
        return os.path.join(self.folder, os.path.basename(file_name(self.begin.uid)))

    def _make_place(self) -> None:
        if self.owns_folder:
            shutil.rmtree(self._place, ignore_errors=True)
        make_folder(self._place)

    def _need(self) -> Any:
        """What the SDK has for the run.

        Raises:
            LifecycleError: it has not begun.
        """
        if self._sdk_run is None:
            raise LifecycleError(f"{type(self).__name__}'s run has not begun: call init() before log()")
        return self._sdk_run

    def is_transient(self, error: BaseException) -> bool:
        """A disk may have room again."""
        return isinstance(error, OSError) or super().is_transient(error)
