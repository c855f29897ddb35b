"""The run's directory: made, owned, and an earlier run in it moved aside. Nothing is overwritten."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from shlex import quote
from typing import Any

from .._common.files import make_folder
from .._common.names import with_hash
from .._common.secrets import redact_text
from ..errors import RunDirectoryError
from .journal import FILENAME, size_of
from .last_attempt import Earlier, bring_back, earlier_run
from .lock import held

logger = logging.getLogger("tracklib")

_OWN = ("state", "artifacts", "children", "rejected.jsonl")
_FOLDERS = ("state", "artifacts", "children", "previous", "wandb")


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
        RunDirectoryError: it cannot be written, a live process owns it, or a folder in it is a link; also where the
            block meets an ``OSError``.
    """
    with contextlib.ExitStack() as stack:
        try:
            make_folder(directory)
            stack.enter_context(held(directory))
            os.listdir(directory)
            _refuse_links(directory)
            yield
        except RunDirectoryError:
            raise
        except OSError as error:
            raise cannot_be_used(directory, error) from error


def _refuse_links(directory: str) -> None:
    """What we write into a folder of the run stays in the run's directory."""
    for name in _FOLDERS:
        path = os.path.join(directory, name)
        if os.path.islink(path):
            raise RunDirectoryError(
                f"{path} is a symbolic link, and the run would be written to where it leads: "
                "remove it, or choose another output_run"
            )


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
        _for_the_owner_alone(new)
        try:
            if os.path.isdir(target) or os.path.isdir(new):  # a rename replaces a file by a file only
                with contextlib.suppress(FileNotFoundError):
                    os.rename(target, old)
            os.replace(new, target)
        except BaseException:  # Ctrl-C between the two: what was there comes back
            if os.path.lexists(old) and not os.path.lexists(target):
                os.rename(old, target)
            raise


def _for_the_owner_alone(path: str) -> None:
    inside = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    for each in (path, *(folder for folder, _, _ in os.walk(path)), *inside):
        os.chmod(each, os.stat(each).st_mode & 0o700)


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
    """``name``, if it is one of a file in a folder and leads nowhere else, as UTF-8 can hold it, secrets masked.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"name={name!r} must be a file's name without a folder, as 'model.pt'")
    return redact_text(name).encode("utf-8", "backslashreplace").decode()


def child_directory(directory: str, name: str) -> str:
    """Where the child run ``name`` of the run in ``directory`` lies; two names never share one."""
    folder = slug(redact_text(name))
    return os.path.join(directory, "children", folder if folder == name else with_hash(folder, name, 80))


def set_aside(directory: str, files: Iterable[str] = (), earlier: Earlier | None = None) -> None:
    """Move the run that ``directory`` holds, if any, into ``previous/<uid>/``, its journal last.

    Those of ``files`` (names that the new run will write) that no run owns are moved there too. The run
    ``earlier``, which goes on, stays.
    """
    if earlier is None:
        _set_run_aside(directory)
    for name in files:
        if os.path.isfile(os.path.join(directory, name)) and not (earlier and name in earlier.begin.files):
            target = _unused(os.path.join(directory, "previous", time.strftime("files-%Y%m%d-%H%M%S")), name)
            make_folder(target)
            os.rename(os.path.join(directory, name), os.path.join(target, name))


def _unused(folder: str, name: str) -> str:
    """``folder``, or a numbered one beside it where it holds such a ``name`` already."""
    numbered = (f"{folder}-{number}" for number in itertools.count(2))
    return next(path for path in itertools.chain([folder], numbered) if not os.path.lexists(os.path.join(path, name)))


def _set_run_aside(directory: str) -> None:
    if not os.path.lexists(os.path.join(directory, FILENAME)):
        return
    earlier = earlier_run(directory)
    journal = os.path.join(directory, FILENAME)
    if earlier is None and not os.path.islink(journal) and size_of(journal) == 0:
        return  # its process died before it said a word: the new run's goes into the same file
    if earlier:
        bring_back(directory, earlier.begin.uid)
    uid = earlier.begin.uid if earlier else time.strftime("unreadable-%Y%m%d-%H%M%S")
    aside = uid if _is_name(uid) else time.strftime("unnamed-%Y%m%d-%H%M%S")
    target = _unused(os.path.join(directory, "previous", aside), FILENAME)
    make_folder(target)
    for name in (*_OWN, *(earlier.begin.files if earlier else ()), FILENAME):
        if _is_name(name) and os.path.lexists(os.path.join(directory, name)):
            os.rename(os.path.join(directory, name), os.path.join(target, name))
    if earlier and earlier.end is None:
        logger.warning(
            "the earlier run in %s was cut off, and may be shown as running: tracklib sync %s", directory, quote(target)
        )


def _is_name(name: str) -> bool:
    """Whether ``name`` leads out of no folder; a journal may have been written by anybody."""
    is_one = os.path.basename(name) == name and name not in ("", ".", "..") and "\0" not in name
    return is_one and len(os.fsencode(name)) <= 200
