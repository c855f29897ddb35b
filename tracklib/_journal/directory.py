"""The run's directory: made, owned, and an earlier run in it moved aside. Nothing is overwritten."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from shlex import quote

from .._common.files import make_folder
from .._common.modes import Access
from .._common.names import with_hash
from .._common.secrets import redact_text
from .._common.warn import tell
from ..errors import RunDirectoryError
from . import layout
from .handover import held_or_handed_over
from .last_attempt import Earlier, bring_back, earlier_run
from .reader import Reader
from .shared import make_root, share
from .state import check_formats
from .tail import size_of


def default_directory(name: str | None, uid: str) -> str:
    """``runs/<time>-<name>``, with the uid's beginning where there is no name or a run of that name already."""
    path = os.path.join("runs", f"{time.strftime('%Y%m%d-%H%M%S')}-{slug(name or uid[:6])}")
    return f"{path}-{uid[:6]}" if os.path.lexists(path) else path


def slug(name: str) -> str:
    """``name`` as a folder's name: letters, digits, ``-``, ``_``, ``=``, ``,``, ``+`` and ``.``, at most 80; of the
    letters, those that the process's locale has."""
    encoding = sys.getfilesystemencoding()
    name = name.encode(encoding, "replace").decode(encoding)
    kept = "".join(letter if letter.isalnum() or letter in "-_.=,+" else "-" for letter in name)
    return kept.strip(".")[:80] or "unnamed"


@contextlib.contextmanager
def owned(directory: str, access: Access | None = None, patience: float = 0.0) -> Iterator[None]:
    """Make ``directory`` if it is not there, and own it for the length of a block. A companion that still delivers for
    a dead owner is asked to let go of it first.

    Args:
        directory: absolute.
        access: what its group may do in it from now on. None leaves it as it is; a new one is its owner's alone.
        patience: seconds to wait for a live process that has it.

    Raises:
        RunDirectoryError: it cannot be written or shared so, a live process owns it, a newer tracklib wrote it, or a
            folder in it is a link; also where the block meets an ``OSError``.
    """
    with contextlib.ExitStack() as stack:
        try:
            refuse_unencodable(directory)
            _refuse_newer(directory)
            make_root(directory, access)
            stack.enter_context(held_or_handed_over(directory, patience))
            os.listdir(directory)
            _refuse_links(directory)
            if access:
                share(directory, access)
            yield
        except RunDirectoryError:
            raise
        except OSError as error:
            raise cannot_be_used(directory, error) from error


def refuse_unencodable(directory: str) -> None:
    """See that a file's name can be what ``directory`` is called.

    Raises:
        RunDirectoryError: it cannot, with this process's locale.
    """
    try:
        os.fsencode(directory)
    except UnicodeEncodeError as error:
        raise RunDirectoryError(
            f"output_run={directory!a} cannot be used: with this process's locale a file's name is {error.encoding} "
            "alone: set PYTHONUTF8=1 or LC_ALL=C.UTF-8, or choose a directory without other letters"
        ) from None


def _refuse_newer(directory: str) -> None:
    """Before anything is touched: not even the lock's file is made. The journal's later attempts are looked at by
    whoever reads on."""
    check_formats(directory)
    with contextlib.suppress(FileNotFoundError), contextlib.closing(Reader(layout.journal_path(directory))) as reader:
        reader.read()


def _refuse_links(directory: str) -> None:
    """What we write into a folder of the run stays in the run's directory."""
    for name in layout.FOLDERS:
        _refuse_link(os.path.join(directory, name))


def _refuse_link(path: str) -> None:
    if os.path.islink(path):
        raise RunDirectoryError(
            f"{path} is a symbolic link, and the run would be written to where it leads: "
            "remove it, or choose another output_run"
        )


def cannot_be_used(directory: str, error: OSError) -> RunDirectoryError:
    """The error that says so, and how to mend it."""
    if isinstance(error, RunDirectoryError):  # it says more
        return RunDirectoryError(str(error), in_use=error.in_use)
    mend = _MEND.get(error.errno or 0, "choose a directory that can be written, or mend its permissions")
    return RunDirectoryError(f"output_run={directory!r} cannot be used ({error.strerror or error}): {mend}")


_MEND = {
    **dict.fromkeys(
        (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP),
        "its file system has no locks, which tell a live run from a dead one: choose a directory on a local disk",
    ),
    **dict.fromkeys(
        (errno.EMFILE, errno.ENFILE),
        "no further file can be opened: close some, or raise the limit (ulimit -n)",
    ),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space, or choose a directory on another disk"),
}


def child_directory(directory: str, name: str) -> str:
    """Where the child run ``name`` of the run in ``directory`` lies; two names never share one.

    Raises:
        RunDirectoryError: a link is there, which may lead anywhere.
    """
    folder = slug(redact_text(name))
    path = os.path.join(directory, layout.CHILDREN, folder if folder == name else with_hash(folder, name, 80))
    _refuse_link(path)
    return path


def runs_under(root: str) -> Iterator[str]:
    """The directories in ``root`` that hold a run, those of children and of runs that were set aside among them."""
    for folder, folders, files in os.walk(root):
        if layout.JOURNAL in files:
            if size_of(layout.journal_path(folder)):
                yield folder
            folders[:] = [name for name in folders if name not in layout.WITHOUT_RUNS]
        folders.sort()


def set_aside(directory: str, files: Iterable[str] = (), earlier: Earlier | None = None) -> str:
    """Move the run that ``directory`` holds, if any, into ``previous/<uid>/``, its journal last; where it is then.

    Those of ``files`` (names that the new run will write) that no run owns are moved there too. The run
    ``earlier``, which goes on, stays.

    Raises:
        OSError: something cannot be moved.
        RunDirectoryError: one of ``files`` is the run's own, or no file's name.
    """
    for name in files:
        if not layout.is_name(name) or name.casefold() in layout.OWN:
            raise RunDirectoryError(f"a tracker names {name!r} among its files: that is no file of its own")
    aside = _set_run_aside(directory) if earlier is None else ""
    for name in files:
        if os.path.isfile(os.path.join(directory, name)) and not (earlier and name in earlier.begin.files):
            target = _unused(os.path.join(directory, layout.PREVIOUS, time.strftime("files-%Y%m%d-%H%M%S")), name)
            make_folder(target)
            os.rename(os.path.join(directory, name), os.path.join(target, name))
    return aside


def _unused(folder: str, *names: str) -> str:
    """``folder``, or a numbered one beside it where it holds one of ``names`` already."""
    numbered = (f"{folder}-{number}" for number in itertools.count(2))
    return next(
        path
        for path in itertools.chain([folder], numbered)
        if not os.path.islink(path) and not any(os.path.lexists(os.path.join(path, name)) for name in names)
    )


def _set_run_aside(directory: str) -> str:
    journal = layout.journal_path(directory)
    if not os.path.lexists(journal):
        return ""
    earlier = earlier_run(directory)
    if earlier is None and not os.path.islink(journal) and size_of(journal) == 0:
        return ""  # its process died before it said a word: the new run's goes into the same file
    if earlier:
        bring_back(directory, earlier.begin.uid)
    uid = earlier.begin.uid if earlier else time.strftime("unreadable-%Y%m%d-%H%M%S")
    aside = uid if layout.is_name(uid) else time.strftime("unnamed-%Y%m%d-%H%M%S")
    known = (*layout.SET_ASIDE, *(earlier.begin.files if earlier else ()), layout.JOURNAL)
    names = [name for name in known if layout.is_name(name) and os.path.lexists(os.path.join(directory, name))]
    target = _unused(os.path.join(directory, layout.PREVIOUS, aside), *names)
    make_folder(target)
    for name in dict.fromkeys(names):
        os.rename(os.path.join(directory, name), os.path.join(target, name))
    if earlier and earlier.end is None:
        tell(f"the earlier run in {directory} was cut off, and may be shown as running: tracklib sync {quote(target)}")
    return target
