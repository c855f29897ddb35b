"""``tracklib rm``."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import click

from .._journal import layout
from .._journal.lock import held
from ..errors import RunDirectoryError
from ..reading.finding import runs as runs_under
from ..reading.run import Run
from . import asked
from .form import Form, form_options, print_rows
from .trackers import trackers_of
from .words import many, plain, size

_FIELDS = ["directory", "name", "uid", "status", "bytes", "refused", "deleted"]


@click.command()
@asked.run_arguments()
@asked.root_option
@asked.where_option
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and delete nothing.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also runs with records that were not delivered.")
@form_options()
def command(
    names: tuple[str, ...], root: str, where: str | None, dry_run: bool, yes: bool, force: bool, form: Form
) -> None:
    """Delete runs, with their children and the previous runs in their directories.

    Only what the run wrote goes: files of your own stay, and so do the runs at MLflow, W&B and other trackers. A run
    that goes on is never deleted, one with undelivered records only with --force. No link is followed.
    """
    if not names and not where:
        raise click.UsageError("name the runs, or say --where which")
    runs = list(asked.several(names, root, where))
    refused = {run.directory: why for run in runs if (why := _refusal(run, force))}
    going = [run for run in runs if run.directory not in refused]
    if not form:
        _tell(going, refused, dry_run)
    if not (refused or dry_run):
        if not yes:
            click.confirm(f"delete {many(len(going), 'run')}?", abort=True, err=form is not None)
        told = [_as_dict(run, is_deleted=True) for run in going]
        for run in going:
            _delete(run)
    else:
        told = [_as_dict(run, refused.get(run.directory, "")) for run in runs]
    if form:
        print_rows(form, _FIELDS, told)
    sys.exit(bool(refused))


def _tell(going: list[Run], refused: dict[str, str], dry_run: bool) -> None:
    """What would go, and why what stays does."""
    for directory, why in refused.items():
        click.echo(f"{plain(directory)}: {why}", err=True)
    for run in going:
        click.echo(_told(run))
    if refused or dry_run:
        said = f"nothing was deleted, {many(len(going), 'run')} would be" if dry_run else "nothing was deleted"
        click.echo(said, err=bool(refused))


def _as_dict(run: Run, why: str = "", is_deleted: bool = False) -> dict[str, Any]:
    told = {"directory": run.directory, "name": run.name, "uid": run.uid, "status": run.status}
    return told | {"bytes": sum(map(_size, _own(run))), "refused": why, "deleted": is_deleted}


def _refusal(run: Run, force: bool) -> str:
    """Why it stays; empty where it may go."""
    if os.path.islink(run.directory):
        return "it is a symbolic link, and what it leads to stays: name that"
    inside = runs_under(run.directory, inner=True)
    if inside.unreadable and not force:
        return f"nobody can say whether this goes on: {'; '.join(map(plain, inside.unreadable.values()))}: --force"
    for each in inside:
        where = "" if each.directory == run.directory else f"{plain(os.path.relpath(each.directory, run.directory))}: "
        if each.is_live:
            return f"{where}it goes on: end it first"
        left = [tracker for tracker in trackers_of(each) if tracker.left]
        if left and not force:
            told = ", ".join(
                f"{many(tracker.left, 'record')} not delivered to {plain(tracker.name)}" for tracker in left
            )
            return f"{where}{told}: tracklib sync, or --force"
    return ""


def _told(run: Run) -> str:
    """What goes with it, and how much that is."""
    files = sum(_size(path) for path in _own(run))
    inside = [
        many(len(runs), what, plural)
        for runs, what, plural in ((run.children, "child", "children"), (run.previous, "previous run", ""))
        if len(runs)
    ]
    stays = [
        name for name in sorted(os.listdir(run.directory)) if os.path.join(run.directory, name) not in set(_own(run))
    ]
    kept = (
        f"; {', '.join(map(plain, stays[:5]))}{' ...' if len(stays) > 5 else ''} stays: no run wrote it"
        if stays
        else ""
    )
    return (
        f"{plain(run.directory)}  {run.status}  {size(files)}{', with ' + ' and '.join(inside) if inside else ''}{kept}"
    )


def _own(run: Run) -> list[str]:
    """What the run wrote, as far as it is there: the journal last, so that a deletion cut off can be repeated."""
    last = [layout.LOCK, layout.JOURNAL]
    own = dict.fromkeys(name for name in [*run.files, layout.TABLE, *layout.FOLDERS, *layout.OWN] if name not in last)
    paths = [os.path.join(run.directory, name) for name in [*own, *last] if layout.is_name(name)]
    return [path for path in paths if os.path.lexists(path)]


def _size(path: str) -> int:
    """The bytes in a file or folder; links count for nothing."""
    return sum(os.lstat(file).st_size for file in _files(path))


def _files(path: str) -> Iterator[str]:
    """The file, or those in the folder; no link is followed."""
    if os.path.islink(path) or not os.path.isdir(path):
        yield path
    for folder, _, names in os.walk(path) if not os.path.islink(path) else ():
        yield from (os.path.join(folder, name) for name in names)


def _delete(run: Run) -> None:
    before = _count(run)
    try:
        with held(run.directory):  # nobody begins a run in there meanwhile
            for path in _own(run):
                if os.path.isdir(path) and not os.path.islink(path):
                    shutil.rmtree(path)
                else:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(path)
        with contextlib.suppress(OSError):  # the user's own files are in it
            os.rmdir(run.directory)
    except RunDirectoryError:
        raise
    except OSError as error:
        raise asked.failure(f"{run.directory} cannot be deleted", error, _left(run, before)) from error


def _left(run: Run, before: int) -> str:
    left = _count(run)
    return "all of it is still there" if left == before else f"{many(left, 'file')} of {before} are left"


def _count(run: Run) -> int:
    """The files that the run wrote and that are there."""
    return sum(1 for path in _own(run) for _ in _files(path))
