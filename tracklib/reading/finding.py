"""Where runs are: one directory, or all that lie below a root."""

from __future__ import annotations

import os
from collections.abc import Callable

from .._journal import layout
from ..errors import RunDirectoryError
from .collection import Runs
from .opening import directories_under
from .run import Run, read_all
from .where import parse


def load(directory: str | os.PathLike[str], *, whole: bool = False) -> Run:
    """The run in ``directory``, live or not.

    Args:
        directory: the run's directory, or its journal.
        whole: read the whole journal now, and believe no summary of it.

    Raises:
        RunDirectoryError: there is no run, or it cannot be read.
    """
    return Run(layout.run_of(os.fsdecode(directory)), whole=whole)


def runs(
    root: str | os.PathLike[str] = "runs",
    *,
    where: str | Callable[[Run], object] | None = None,
    sort: str | None = None,
    inner: bool = False,
) -> Runs:
    """All runs below ``root``, by their directories' names.

    Args:
        root: a directory; a run's own means that run.
        where: only those that meet this condition: ``"val/loss < 0.3 and optimizer = adam"``, or a function of a run.
        sort: by what, the least first; ``"-val/loss"`` the greatest first.
        inner: also the children of runs, and the previous runs in their directories.

    Raises:
        RunDirectoryError: ``root`` is no directory that can be read. A run that cannot be read is passed over, and
            in ``unreadable`` with why.
        WhereError: the condition cannot be understood; the message points at the place.
    """
    path = os.path.abspath(os.fsdecode(root))
    try:
        os.scandir(path).close()
    except OSError as error:
        raise RunDirectoryError(f"{path} is no directory that can be read ({error.strerror or error})") from error
    condition = parse(where) if isinstance(where, str) else where
    found = read_all(directories_under(path, inner=inner))
    if condition is not None:
        found = found.where(condition)
    return found if sort is None else found.sorted_by(sort)
