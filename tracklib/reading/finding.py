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
    """Read the run in ``directory``, live or not: ``tracklib.load("runs/digits").last["val/loss"].value``.

    Args:
        directory: the run's directory, or its ``journal.jsonl``.
        whole: read the whole journal now, instead of the small summary that the run keeps of it.

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
    """Read all runs below ``root``, in the order of their directories' names::

        best = tracklib.runs("runs", where="optimizer = adam", sort="min.val/loss")[0]

    Args:
        root: a directory; if it is a run's own, that run.
        where: keep only those that meet this condition: a text such as ``"val/loss < 0.3 and optimizer = adam"``, or
            a function that takes a run.
        sort: the name of a value to sort by, the least first; ``"-val/loss"`` puts the greatest first.
        inner: also the children of runs, and the previous runs in their directories.

    Raises:
        RunDirectoryError: ``root`` is no directory that can be read. A run that cannot be read is left out, and
            ``unreadable`` says why.
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
