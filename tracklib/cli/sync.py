"""``tracklib sync``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

import click
from tqdm import tqdm

from .._common import last_line
from .._delivery.sync import Synced
from .._delivery.sync import sync as sync_run
from .._journal import layout
from .._journal.directory import runs_under
from ..errors import TracklibError
from ..trackers._configs import build
from .completing import RunPath
from .form import Form, form_options, print_rows
from .sync_outcome import FIELDS, Told, Verdict, looked, of_synced, refused, worst
from .sync_words import print_summary, print_told
from .tables import print_json
from .watching import again_and_again

_LONG_SECONDS = 2.0


class _How(NamedTuple):
    to: Any
    patience: float
    again: bool


@click.command()
@click.argument("directories", nargs=-1, metavar="DIR...", type=RunPath())
@click.option(
    "--all", "roots", multiple=True, metavar="ROOT", type=RunPath(), help="Every run in ROOT but those still going on."
)
@click.option("--to", metavar="CONFIG", help="Replay the whole run to these trackers: a file, or JSON.")
@click.option("--patience", default=30.0, show_default=True, help="Seconds without progress before giving up.")
@click.option("--retry-rejected", is_flag=True, help="Send what a tracker refused for good once more.")
@click.option("--dry-run", is_flag=True, help="Say what is left, deliver nothing, change nothing.")
@form_options(json="As JSON, one object for each run.", csv="As CSV, one row for each tracker of each run.")
@click.option("--watch", is_flag=True, help="With --all: look again every ten seconds, until Ctrl-C or SIGTERM.")
def command(
    directories: tuple[str, ...],
    roots: tuple[str, ...],
    to: str | None,
    patience: float,
    retry_rejected: bool,
    dry_run: bool,
    form: Form,
    watch: bool,
) -> None:
    """Deliver what is left of the runs in DIR, and set the status of one whose process died.

    The exit code is 0 where each tracker has it all; 6 where one refused some of it for good; 1 where something did not
    arrive; 3 where a run is in use, 4 where there is none, 5 where one is broken: the last of them in this order.
    Doing it twice changes nothing.
    """
    if not directories and not roots:
        raise click.UsageError("name the directory of a run, or --all ROOT for every run in ROOT")
    if dry_run and to is not None:
        raise click.UsageError("--dry-run says what is left for the run's own trackers: leave out --to")
    if watch and (directories or not roots or dry_run or form or to is not None):
        raise click.UsageError("--watch goes with --all ROOT, and with --patience and --retry-rejected only")
    how = _How(None if to is None else _configs(to), patience, retry_rejected)
    if watch:
        again_and_again(lambda: (found for found, _ in _asked((), roots)), lambda found: _taken_up(found, how))
    told = []
    for directory, is_walked in _asked(directories, roots):
        found = looked(directory, is_walked) if dry_run else _tried(directory, how, is_walked)
        told.append(found)
        if not form:
            print_told(found)
    if form == "json":
        print_json(found.as_dict() for found in told)
    elif form:
        print_rows(form, FIELDS, [row for found in told for row in found.as_rows()])
    elif len(told) != 1:
        print_summary(told, dry_run)
    sys.exit(int(worst(found.verdict for found in told)))


def _taken_up(directory: str, how: _How) -> bool:
    """Deliver what is left of a run found by walking, and say so unless it goes on; whether nothing is left."""
    told = _tried(directory, how, True)
    if told.status != "running":
        print_told(told)
    return told.verdict in (Verdict.COMPLETE, Verdict.REFUSED) and told.status != "running" and not told.writers


def _configs(to: str) -> Any:
    """What ``--to`` says, looked at once before the first run."""
    try:
        configs = json.loads(to) if to.lstrip().startswith(("{", "[")) else to
        build(configs)
    except (ValueError, TracklibError) as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    return configs


def _asked(directories: Sequence[str], roots: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each directory, and whether it was found by walking: such a one may be going on still."""
    for root in roots:
        if not os.path.isdir(root):
            raise click.BadParameter(f"{root} is no directory", param_hint="--all")
    yield from ((layout.run_of(directory), False) for directory in directories)
    yield from ((directory, True) for root in roots for directory in runs_under(root))


def _tried(directory: str, how: _How, is_walked: bool) -> Told:
    try:
        return of_synced(directory, _synced(directory, how))
    except TracklibError as error:
        return refused(directory, error, is_walked)


class _Bar:
    """Gives way to what the log says; its next update draws it again."""

    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self._bar = bar

    def give_way(self) -> bool:
        self._bar.clear()
        return True

    def come_back(self) -> None:
        """By itself."""


def _synced(directory: str, how: _How) -> Synced:
    bar = tqdm(desc=directory, unit="B", unit_scale=True, delay=_LONG_SECONDS, leave=False, disable=None)
    with bar, last_line.giving_way(_Bar(bar)):

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return sync_run(directory, how.to, patience=how.patience, again=how.again, on_progress=progress)
