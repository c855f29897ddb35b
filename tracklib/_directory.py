"""The run's directory: made, owned, and an earlier run in it moved aside. Nothing is overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from shlex import quote

from ._earlier import Earlier, earlier_run
from ._folder import make_folder
from ._journal import FILENAME
from ._lock import held
from .errors import RunDirectoryError

logger = logging.getLogger("tracklib")

_OWN = ("state", "artifacts", "rejected.jsonl")


def default_directory(name: str | None, uid: str) -> str:
    """``runs/<time>-<name>``, with the uid's beginning where there is no name or a run of that name already."""
    path = os.path.join("runs", f"{time.strftime('%Y%m%d-%H%M%S')}-{slug(name or uid[:6])}")
    return f"{path}-{uid[:6]}" if os.path.lexists(path) else path


def slug(name: str) -> str:
    """``name`` as a folder's name: letters, digits, ``-``, ``_`` and ``.``, at most 80."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return kept.strip(".")[:80] or "unnamed"


@contextlib.contextmanager
def owned(directory: str) -> Iterator[None]:
    """Make ``directory`` with mode 0700 if it is not there, and own it for the length of a block.

    Raises:
        RunDirectoryError: it cannot be written, or a live process owns it.
    """
    with contextlib.ExitStack() as stack:
        try:
            make_folder(directory)
            stack.enter_context(held(directory))
            os.listdir(directory)
        except RunDirectoryError:
            raise
        except OSError as error:
            raise cannot_be_used(directory, error) from error
        yield


def cannot_be_used(directory: str, error: OSError) -> RunDirectoryError:
    """The error that says so, and how to mend it."""
    return RunDirectoryError(
        f"output_run={directory!r} cannot be used ({error.strerror or error}): "
        "choose a directory that can be written, or mend its permissions"
    )


def copy_whole(source: str, target: str) -> None:
    """Copy a file or folder to ``target``, in place of what is there; a reader never sees half a file.

    Raises:
        OSError: ``source`` cannot be read, or ``target`` not be written.
    """
    make_folder(os.path.dirname(target))
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".copy-") as scratch:
        new, old = os.path.join(scratch, "new"), os.path.join(scratch, "old")
        (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, new)
        if os.path.isdir(target) or os.path.isdir(new):
            with contextlib.suppress(FileNotFoundError):
                os.rename(target, old)
        os.replace(new, target)


def checksum(path: str) -> str:
    """The SHA-256 of a file's bytes, in hex; empty for a folder.

    Raises:
        OSError: it cannot be read.
    """
    if os.path.isdir(path):
        return ""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def set_aside(directory: str, files: Iterable[str] = (), earlier: Earlier | None = None) -> None:
    """Move the run that ``directory`` holds, if any, into ``previous/<uid>/``, its journal last.

    Those of ``files`` (names that the new run will write) that no run owns are moved there too. The run
    ``earlier``, which goes on, stays.
    """
    if earlier is None:
        _set_run_aside(directory)
    for name in files:
        if os.path.isfile(os.path.join(directory, name)) and not (earlier and name in earlier.begin.files):
            target = os.path.join(directory, "previous", time.strftime("files-%Y%m%d-%H%M%S"))
            make_folder(target)
            os.rename(os.path.join(directory, name), os.path.join(target, name))


def _set_run_aside(directory: str) -> None:
    if not os.path.lexists(os.path.join(directory, FILENAME)):
        return
    earlier = earlier_run(directory)
    uid = earlier.begin.uid if earlier else time.strftime("unreadable-%Y%m%d-%H%M%S")
    target = os.path.join(directory, "previous", os.path.basename(uid))
    make_folder(target)
    for name in (*_OWN, *(earlier.begin.files if earlier else ()), FILENAME):
        if os.path.basename(name) == name and os.path.lexists(os.path.join(directory, name)):
            os.rename(os.path.join(directory, name), os.path.join(target, name))
    if earlier and earlier.end is None:
        logger.warning(
            "the earlier run in %s was cut off, and may be shown as running: tracklib sync %s", directory, quote(target)
        )
