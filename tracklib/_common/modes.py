"""Who may read what is made: its owner alone; in a folder that is shared with its group, the group too.

Which folder is shared is told by its own mode, as git has it (``git init --shared``): it has the set-group-ID bit, and
something for the group. So whoever makes something in it needs no further word: the training, its companion, a child
run, ``sync`` by a colleague. The process's umask, which is everybody's, is neither asked nor changed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final, Literal

Access = Literal["read", "write"]
GRANTS: Final[dict[Access, int]] = {"write": stat.S_IRWXG, "read": stat.S_IRGRP | stat.S_IXGRP}


def granted_in(folder: str) -> int:
    """What the group may do with what is made in ``folder``, as bits of a mode; 0 where the folder is not shared."""
    with contextlib.suppress(OSError):
        mode = os.stat(folder or os.curdir).st_mode
        return mode & stat.S_IRWXG if mode & stat.S_ISGID else 0
    return 0


def access_to(folder: str) -> Access | None:
    """How ``folder`` is shared with its group, in a word."""
    granted = granted_in(folder)
    return next((access for access, bits in GRANTS.items() if granted & bits == bits), None)


def give_to_group(fd: int, folder: str) -> None:
    """Let the group do with a file that was made in ``folder`` what that is shared for.

    Raises:
        OSError: the disk refuses.
    """
    if granted := granted_in(folder) & ~stat.S_IXGRP:
        with contextlib.suppress(PermissionError):  # a colleague made it, as it should be
            os.fchmod(fd, 0o600 | granted)


def make_one(folder: str, granted: int) -> None:
    """Make one folder, whose parent is there; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
    else:
        if granted:
            os.chmod(folder, 0o700 | granted | stat.S_ISGID)


def grant(path: str, granted: int) -> None:
    """Let a file, or a folder with all in it, be its owner's, and its group's as far as ``granted``. No link is
    followed.

    Raises:
        OSError: one is another user's, and is not so already.
    """
    for each in _all_in(path):
        mode = os.stat(each, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            continue
        owner = mode & stat.S_IRWXU
        wanted = owner | owner >> 3 & granted | (stat.S_ISGID if granted and stat.S_ISDIR(mode) else 0)
        if wanted != stat.S_IMODE(mode):
            os.chmod(each, wanted)


def _all_in(path: str) -> Iterator[str]:
    yield path
    for folder, folders, names in os.walk(path):
        yield from (os.path.join(folder, name) for name in (*folders, *names))
