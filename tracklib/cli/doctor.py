"""``tracklib doctor``."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import click

from .._journal.last_attempt import earlier_run
from ..errors import RunDirectoryError, TracklibError
from ..reading.finding import load
from ..reading.run import Run
from . import asked
from .completing import RunName
from .form import Form, form_options, print_rows
from .trackers import trackers_of
from .words import many, plain


class Finding(NamedTuple):
    """What is wrong in a directory, and the command that mends it, if one does."""

    directory: str
    kind: str
    problem: str
    mend: str = ""


@click.command()
@click.argument("places", nargs=-1, metavar="[ROOT|RUN]...", type=RunName())
@asked.root_option
@click.option("--quick", is_flag=True, help="Do not read each journal and artifact whole.")
@form_options()
def command(places: tuple[str, ...], root: str, quick: bool, form: Form) -> None:
    """Look for dead processes that trackers do not know of, records that were not delivered, damaged journals, and
    artifacts that are not what was logged. The exit code is 1 where something is wrong."""
    began = time.monotonic()
    runs = asked.readable_or_not(places, root, inner=True)
    unreadable = [
        Finding(directory, "unreadable", plain(problem.removeprefix(directory).lstrip()))
        for directory, problem in runs.unreadable.items()
    ]
    found = [*unreadable, *(finding for run in runs for finding in findings(run, quick))]
    if form:
        print_rows(form, Finding._fields, [finding._asdict() for finding in found])
    else:
        for finding in found:
            click.echo(
                "  ".join(
                    filter(None, [_shown(finding.directory), finding.problem, click.style(finding.mend, bold=True)])
                )
            )
        ill = len({finding.directory for finding in found})
        count = len(runs) + len(runs.unreadable)
        verdict = "all right" if not ill else f"{count - ill} all right, {ill} not"
        click.echo(f"{many(count, 'run')} in {time.monotonic() - began:.1f} s: {verdict}")
    sys.exit(bool(found))


def _shown(directory: str) -> str:
    """As one would type it here."""
    here = os.path.relpath(directory)
    return plain(directory if here.startswith(os.pardir) else here)


def findings(run: Run, quick: bool) -> Iterator[Finding]:
    """All that is wrong with a run."""
    sync = f"tracklib sync {shlex.quote(run.directory)}"
    if not run.is_live:
        yield from _undelivered(run, sync)
    if damaged := run.damaged if quick else _damaged(run):
        yield Finding(run.directory, "damaged", f"{many(damaged, 'damaged line')} in the journal")
    for artifact in run.artifacts.values():
        if not artifact.exists:
            yield Finding(run.directory, "artifact", f"artifacts/{plain(artifact.name)} is no longer there")
        elif not quick and not artifact.is_intact():
            yield Finding(
                run.directory, "artifact", f"artifacts/{plain(artifact.name)} is not the file that was logged (SHA-256)"
            )


def _damaged(run: Run) -> int:
    """How many lines are, also those that were when the run's summary was written, and not read since."""
    try:
        return load(run.directory, whole=True).damaged
    except RunDirectoryError:  # it was moved meanwhile
        return run.damaged


def _undelivered(run: Run, sync: str) -> Iterator[Finding]:
    try:
        found = earlier_run(run.directory)
        trackers = trackers_of(run)
    except (OSError, TracklibError) as error:
        yield Finding(run.directory, "unreadable", str(error))
        return
    if found is not None and found.end is None:
        yield Finding(run.directory, "dead", "its process died, trackers do not know", sync)
    for each in trackers:
        if each.left:
            yield Finding(
                run.directory, "undelivered", f"{plain(each.name)}: {many(each.left, 'record')} not delivered", sync
            )
        elif not each.is_told and found is not None and found.end is not None:
            yield Finding(run.directory, "undelivered", f"{plain(each.name)}: the run's end is not told", sync)
        if each.rejected:
            yield Finding(
                run.directory,
                "refused",
                f"{plain(each.name)}: {many(each.rejected, 'record')} refused (see rejected.jsonl)",
            )
