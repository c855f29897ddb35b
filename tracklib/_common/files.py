"""Files and folders: made, put in place whole, copied, named. Who may read them is told in ``modes``."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any

from .modes import granted_in, make_one
from .open_file import ask
from .secrets import redact_text

_LONGEST_NAME = 255  # bytes; no common file system takes more

SCRATCH = ".new-"
"""How the name of a folder begins in which something is written before it is put in place."""


def make_folder(path: str, at_least: int = 0) -> None:
    """Make the folder ``path`` and its missing parents; one that is there stays as it is.

    Each is its owner's alone, and its group's as far as the folder is that it is made in, and as ``at_least`` says.

    Raises:
        OSError: it cannot be made.
    """
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        make_folder(parent, at_least)
    make_one(path, granted_in(parent) | at_least)


@contextlib.contextmanager
def placed(target: str) -> Iterator[str]:
    """A path to write a file or folder to, with ``target``'s ending; at the block's end it takes ``target``'s place.

    A reader never sees half a file, and after an exception ``target`` is as it was.

    Raises:
        OSError: ``target`` cannot be written.
    """
    make_folder(os.path.dirname(target))
    with _scratch(os.path.dirname(target)) as scratch:
        new, old = os.path.join(scratch, "new" + os.path.splitext(target)[1]), os.path.join(scratch, "old")
        yield new
        try:
            if os.path.isdir(target) or os.path.isdir(new):  # a rename replaces a file by a file only
                with contextlib.suppress(FileNotFoundError):
                    os.rename(target, old)
            os.replace(new, target)
        except BaseException:  # Ctrl-C between the two: what was there comes back
            if os.path.lexists(old) and not os.path.lexists(target):
                os.rename(old, target)
            raise


@contextlib.contextmanager
def _scratch(folder: str) -> Iterator[str]:
    """A new folder in ``folder``, and gone again. ``tempfile`` takes a lock, which a forked child may inherit."""
    path = os.path.join(folder, f"{SCRATCH}{os.urandom(8).hex()}")
    os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        try:
            os.rmdir(path)
        except OSError:  # something is left in it
            shutil.rmtree(path, ignore_errors=True)


def copy_whole(source: str, target: str) -> None:
    """Copy a file, or a folder with all that is in it; what a link leads to is copied in the link's place.

    Raises:
        OSError: ``source`` cannot be read, or ``target`` not be written.
    """
    (shutil.copytree if os.path.isdir(source) else shutil.copy2)(source, target)


def content_of(path: str, most: int | None = None) -> bytes | None:
    """A file's bytes; None where it is none, cannot be read, or has more than ``most``. A link is not followed, as it
    may lead to what is nobody else's business, and a pipe is not waited for."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        said = os.fstat(fd)
        if not stat.S_ISREG(said.st_mode) or (most is not None and said.st_size > most):
            return None
        with open(fd, "rb", closefd=False) as file:
            return file.read() if most is None else file.read(said.st_size)
    except OSError:
        return None
    finally:
        os.close(fd)


def text_of(path: str) -> str | None:
    """The text in a file, with a line feed at each line's end; None as for :func:`content_of`."""
    content = content_of(path)
    if content is None:
        return None
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="replace").read()


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


def checked_file_name(name: Any) -> str:
    """``name``, if it is one of a file in a folder and leads nowhere else, as UTF-8 can hold it, secrets masked.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(name, str) or os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name:
        raise ValueError(f"name={name!r} must be a file's name without a folder, as 'model.pt'")
    encoded = redact_text(name).encode("utf-8", "backslashreplace")
    if len(encoded) > _LONGEST_NAME:
        raise ValueError(
            f"name={name[:40]!r}... has {len(encoded)} bytes: a file's name may have {_LONGEST_NAME}; shorten it"
        )
    return encoded.decode()


def checksum(path: str) -> str:
    """The SHA-256 of a file's bytes, in hex; empty for a folder.

    Raises:
        OSError: it cannot be read.
    """
    import hashlib  # it brings OpenSSL, which who only reads runs need not have: 4 MB, and a tenth of the time

    if os.path.isdir(path):
        return ""

    def digest(fd: int) -> str:
        with open(fd, "rb", closefd=False) as file:
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()

    return ask(path, digest)
