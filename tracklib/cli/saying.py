"""What commands say in a run from outside."""

from __future__ import annotations

import os
import shlex

import click

from .._delivery.sync import sync
from .._journal.afterwards import say
from .._journal.records import Note, Tags
from ..reading.run import Run
from .trackers import trackers_of
from .words import plain


def say_in(run: Run, record: Note | Tags, done: str) -> None:
    """Say ``record`` in ``run``, and in the terminal that it is ``done``, and how it comes to the trackers.

    Raises:
        RunDirectoryError: the directory cannot be written.
    """
    is_live = say(run.directory, [record])
    path = shlex.quote(os.path.relpath(run.directory))
    further = [tracker for tracker in trackers_of(run) if tracker.name != "CsvLogger"]
    if not (is_live or further):
        sync(run.directory)  # a CSV file has no place for it, and need not wait for that
    how = "the run takes it over" if is_live else f"to deliver it: tracklib sync {path}" if further else ""
    click.echo(plain(f"{run.name} {done}{f'; {how}' if how else ''}"))
