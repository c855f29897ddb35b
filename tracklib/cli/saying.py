"""What commands say in a run from outside."""

from __future__ import annotations

import os
import shlex

import click

from .._delivery.sync import sync
from .._journal.afterwards import say
from .._journal.records import Note, Tags
from ..reading.run import Run
from .form import Form, print_one
from .trackers import trackers_of
from .words import plain


def say_in(run: Run, record: Note | Tags, done: str, form: Form) -> None:
    """Say ``record`` in ``run``, and to who asked that it is ``done``, and how it comes to the trackers.

    Raises:
        RunDirectoryError: the directory cannot be written.
    """
    is_live = say(run.directory, [record])
    path = shlex.quote(os.path.relpath(run.directory))
    further = [tracker for tracker in trackers_of(run) if tracker.name != "CsvLogger"]
    if not (is_live or further):
        sync(run.directory)  # a CSV file has no place for it, and need not wait for that
    sync_command = "" if is_live or not further else f"tracklib sync {path}"
    if form:
        told = {"directory": run.directory, "name": run.name, "uid": run.uid, "status": run.status, "done": done}
        return print_one(form, told | {"sync": sync_command})
    how = "the run takes it over" if is_live else f"to deliver it: {sync_command}" if further else ""
    return click.echo(plain(f"{run.name} {done}{f'; {how}' if how else ''}"))
