"""How far a tracker is, kept beside the journal in ``state/<tracker>.json``."""

from __future__ import annotations

import contextlib
import glob
import os
from typing import TypeVar

import msgspec

from .._common.files import make_folder
from .._common.open_file import ask, content_of, put_in_place
from .._common.texts import as_json
from ..errors import RunDirectoryError
from . import layout
from .format import FORMAT, UnknownFormat, check_format
from .lines import body_of, line_of
from .records import Begin, End

T = TypeVar("T")


class Saved(msgspec.Struct):
    """What ``state/<tracker>.json`` holds: how far the tracker is, and what it must remember.

    ``aside`` are the artifacts, with their ordinals, that could not be written yet and were passed.
    ``uid`` is the run's, ``config`` tells the tracker from others of its class; ``end`` is the latest end that
    was read, ``attempt`` that of the latest beginning, and ``ended`` the attempt that the tracker was told to
    finish. ``counted`` is where each axis is of which the tracker gets one step in so many: the step, and how many came
    before it.
    """

    uid: str = ""
    config: str = ""
    offset: int = 0
    ordinal: int = 0
    attempt: int = 0
    end: End | None = None
    ended: int = 0
    delivered: int = 0
    rejected: int = 0
    tracker: dict[str, str] = {}
    aside: dict[str, int] = {}
    counted: dict[str, tuple[int, int]] = {}
    format: int = FORMAT


def load(path: str, journal: str, uid: str, config: str = "") -> Saved:
    """What was stored for the tracker of this ``config``; a fresh start where nothing was that is whole.

    It lies at ``path``, or at another tracker's, as where two of one class are listed in another order now.
    """
    for candidate in [path, *_stored(os.path.dirname(path))]:
        saved = read_line(candidate, Saved)
        if saved and (saved.uid, saved.config) == (uid, config) and begins_line(journal, saved.offset):
            return saved
    return Saved(uid, config)


def begins_line(journal: str, offset: int) -> bool:
    """Whether a line of the journal ends right before ``offset``."""
    if offset == 0:
        return True
    try:
        return ask(journal, lambda fd: os.pread(fd, 1, offset - 1)) == b"\n"
    except (OSError, ValueError, OverflowError):
        return False


def furthest(directory: str, uid: str) -> Saved | None:
    """What the tracker stored that is furthest in the run ``uid``'s journal."""
    journal = layout.journal_path(directory)
    found = [
        saved
        for path in _stored(layout.state_path(directory, ""))
        if (saved := read_line(path, Saved)) and saved.uid == uid and begins_line(journal, saved.offset)
    ]
    return max(found, key=lambda saved: saved.offset, default=None)


def states_of(directory: str, uid: str) -> list[dict[str, str]]:
    """What the trackers of the run ``uid`` in ``directory`` remember, as far as it can be read from here."""
    paths = _stored(layout.state_path(directory, ""))
    with contextlib.suppress(RunDirectoryError):  # a newer version's
        return [saved.tracker for path in paths if (saved := read_line(path, Saved)) and saved.uid == uid]
    return []


def _stored(folder: str) -> list[str]:
    """The files of all trackers."""
    files = glob.glob(os.path.join(glob.escape(folder), "*.json"))
    return sorted(file for file in files if os.path.basename(file) != layout.BEGIN)


def check_formats(directory: str) -> None:
    """See that this version knows the format of all that is kept about the run in ``directory``.

    Raises:
        RunDirectoryError: a newer tracklib has written it.
    """
    for path in glob.glob(layout.state_path(glob.escape(directory), "*.json")):
        read_line(path, msgspec.Raw)


def store(path: str, saved: Saved) -> None:
    """Write the file so that a reader finds the old one or the new one, and only its owner can read it.

    A file that says the same already is left as it is.

    Raises:
        OSError: the disk refuses, or the directory was deleted and is another run's by now.
    """
    directory = os.path.dirname(os.path.dirname(path))
    if is_others(directory, saved.uid):
        raise FileExistsError(f"{directory} is another run's")
    write_line(path, saved)


def is_others(directory: str, uid: str) -> bool:
    """Whether another run than ``uid`` has begun in ``directory``, as may be once somebody deleted it."""
    begin = load_begin(directory)
    return begin is not None and begin.uid != uid


def load_begin(directory: str) -> Begin | None:
    """How the run in ``directory`` began, should the journal's own line be damaged."""
    return read_line(layout.state_path(directory, layout.BEGIN), Begin)


def store_begin(directory: str, begin: Begin) -> None:
    """Keep a second copy of how the run began: without it, nobody knows whose a journal's records are.

    Raises:
        OSError: the disk refuses.
    """
    write_line(layout.state_path(directory, layout.BEGIN), begin)


def read_line(path: str, kind: type[T]) -> T | None:
    """What :func:`write_line` wrote; None where it is not there or damaged.

    Raises:
        RunDirectoryError: a newer tracklib has written it.
    """
    line, newline, _ = _content(path).partition(b"\n")
    body = body_of(line) if newline else b""
    try:
        check_format(body)
        return msgspec.json.decode(body, type=kind)
    except UnknownFormat as unknown:
        raise RunDirectoryError(unknown.said_of(path)) from None
    except (ValueError, RecursionError):
        return None


def _content(path: str) -> bytes:
    """The file's bytes; none where it cannot be read."""
    try:
        return content_of(path)
    except OSError:
        return b""


def write_line(path: str, value: msgspec.Struct) -> None:
    """Write the file as one line, so that a reader finds the old one or the new one.

    Raises:
        OSError: the disk refuses.
    """
    content = line_of(as_json(value))
    if _content(path) == content:
        return
    make_folder(os.path.dirname(path))
    put_in_place(f"{path}.tmp", path, content)
