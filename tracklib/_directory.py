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
from typing import Any

from ._earlier import Earlier, earlier_run
from ._folder import make_folder
from ._journal import FILENAME
from ._lock import held
from ._names import with_hash
from .errors import RunDirectoryError

logger = logging.getLogger("tracklib")

_OWN = ("state", "artifacts", "children", "rejected.jsonl")


def default_directory(name: str | None, uid: str) -> str:
    """``runs/<time>-<name>``, with the uid's beginning where there is no name or a run of that name already."""
    path = os.path.join("runs", f"{time.strftime('%Y%m%d-%H%M%S')}-{slug(name or uid[:6])}")
    return f"{path}-{uid[:6]}" if os.path.lexists(path) else path


def slug(name: str) -> str:
    """``name`` as a folder's name: letters, digits, ``-``, ``_``, ``=`` and ``.``, at most 80."""
    kept = "".join(letter if letter.isalnum() or letter in "-_.=" else "-" for letter in name)
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


@contextlib.contextmanager
def placed(target: str) -> Iterator[str]:
    """A path to write a file or folder to, with ``target``'s ending; at the block's end it takes ``target``'s place.

    A reader never sees half a file, and after an exception ``target`` is as it was.

    Raises:
        OSError: ``target`` cannot be written.
    """
    make_folder(os.path.dirname(target))
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target), prefix=".new-") as scratch:
        new, old = os.path.join(scratch, "new" + os.path.splitext(target)[1]), os.path.join(scratch, "old")
        yield new
        if os.path.isdir(target) or os.path.isdir(new):  # a rename replaces a file by a file only
            with contextlib.suppress(FileNotFoundError):
                os.rename(target, old)
        os.replace(new, target)


def copy_whole(source: str, target: str) -> None:
    """Copy a file, or a folder with all that is in it; what a link leads to is copied in the link's place.

    Raises:
        OSError: ``source`` cannot be read, or ``target`` not be written.
    """
    (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, target)


def link_whole(source: str, target: str) -> None:
    """As :func:`copy_whole`, without a second copy of the bytes where both are on one disk. For files that are
    replaced, never written into.

    Raises:
        OSError: ``source`` cannot be read, or ``target`` not be written.
    """
    if os.path.isdir(source):
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(source, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copy2(source, target)


def file_name(name: Any) -> str:
    """``name``, if it is one of a file in a folder and leads nowhere else, as UTF-8 can hold it.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"name={name!r} must be a file's name without a folder, as 'model.pt'")
    return name.encode("utf-8", "backslashreplace").decode()


def child_directory(directory: str, name: str) -> str:
    """Where the child run ``name`` of the run in ``directory`` lies; two names never share one."""
    folder = slug(name)
    return os.path.join(directory, "children", folder if folder == name else with_hash(folder, name, 80))


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
