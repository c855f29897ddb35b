"""A run's directory that is shared with its group: made so, and what it holds already is shared too."""

from __future__ import annotations

import os
import stat
from shlex import quote

from .._common.files import make_folder
from .._common.modes import GRANTS, Access, access_to, grant, make_one
from .._common.warn import tell
from ..errors import RunDirectoryError
from . import layout


def make_root(directory: str, access: Access | None) -> None:
    """Make a run's directory, whatever the folder is shared with that it lies in: a run is shared by its own option.

    Raises:
        OSError: it cannot be made.
    """
    make_folder(os.path.dirname(directory), GRANTS["read"] if access else 0)
    make_one(directory, GRANTS[access] if access else 0)


def share(directory: str, access: Access) -> None:
    """Let the group do ``access`` with the run in ``directory``: all of it that is there, and what will be made.

    Raises:
        OSError: something there is another user's, and not shared so.
        RunDirectoryError: the file system does not keep it.
    """
    if access_to(directory) != access:
        mode = stat.S_IMODE(os.stat(directory).st_mode) & ~stat.S_IRWXG
        os.chmod(directory, mode | GRANTS[access] | stat.S_ISGID)
        if access_to(directory) != access:
            raise RunDirectoryError(
                f"output_run={directory!r} cannot be shared with its group: its file system, or its group that you "
                f"are no member of, does not take `chmod g+s`. Mend that, or leave out group_access={access!r}"
            )
        for name in (*layout.OWN, *layout.FOLDERS, layout.TABLE):
            path = os.path.join(directory, name)
            if os.path.lexists(path):
                grant(path, GRANTS[access])
    _tell_who_is_kept_out(directory)


def _tell_who_is_kept_out(directory: str) -> None:
    folder = directory
    while folder != (folder := os.path.dirname(folder)):
        if os.path.lexists(layout.journal_path(folder)):  # the run around this one has told it
            return
        if not os.stat(folder).st_mode & (stat.S_IXGRP | stat.S_IXOTH):
            tell(f"the group does not get to {directory}: {folder} lets in its owner alone: chmod g+x {quote(folder)}")
            return
