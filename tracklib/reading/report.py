"""The report of runs: one HTML file that asks nobody for anything."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .page.html import MARK, html
from .page.told import told

if TYPE_CHECKING:
    from .run import Run

_FAR = 2**62  # such steps stand for an open end

Trackers = Callable[["Run"], list[dict[str, str]]]
"""What is told of a run's trackers: of each a ``name`` and a ``state``, in words."""


def report(
    runs: Sequence[Run],
    path: str | os.PathLike[str] = "report.html",
    *,
    title: str = "",
    follow: float | None = None,
    steps: tuple[int, int] | None = None,
    trackers: Trackers = lambda run: [],
) -> str:
    """Write the report of ``runs``, readable by you alone; where it is, as an absolute path.

    Links lead from there to the runs' artifacts. A file that is there is replaced if it is a report.

    Args:
        runs: in any order.
        path: the file.
        title: stands over it; the first run's name, else.
        follow: seconds after which the open page reads the file again, for runs that go on.
        steps: draws only what was logged at these, from the first to the last, in as much detail as there is room for.
        trackers: what is told of a run's trackers.

    Raises:
        FileExistsError: the file is something else.
        OSError: it cannot be written.
    """
    place = os.path.abspath(os.fsdecode(path))
    _refuse_others(place)
    page = html(told(runs, title or title_of(runs, steps), os.path.dirname(place), follow, trackers, steps))
    folder = os.path.dirname(place)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".report-", suffix=".html")  # mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(temporary, place)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return place


def title_of(runs: Sequence[Run], steps: tuple[int, int] | None = None) -> str:
    """The name of a single run; of several, that of the folder around them; and which ``steps`` are drawn."""
    around = os.path.commonpath([run.directory for run in runs]) if runs else ""
    name = runs[0].name if len(runs) == 1 else os.path.basename(around) or "runs"
    return name + (f", {_spoken(steps)}" if steps else "")


def _spoken(steps: tuple[int, int]) -> str:
    first, last = steps
    if abs(first) >= _FAR or abs(last) >= _FAR:
        return f"steps up to {last:,}" if abs(first) >= _FAR else f"steps from {first:,}"
    return f"steps {first:,} to {last:,}"


def _refuse_others(path: str) -> None:
    """A user's own page of that name stays as it is."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        if MARK.encode() not in file.read(2000):
            raise FileExistsError(f"{path} is there, and is no report: choose another name with -o")
