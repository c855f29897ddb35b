"""The command line: ``tracklib ...``, the same as ``python -m tracklib ...``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import click
from tqdm import tqdm

from .._delivery.sync import Synced
from .._delivery.sync import sync as sync_run
from .._journal.directory import runs_under
from ..errors import RunDirectoryError, TracklibError
from ..trackers._configs import build

_LONG_SECONDS = 2.0


@click.group()
@click.version_option(package_name="tracklib-ml")
def main() -> None:
    """Tools over the journals of tracklib's runs."""


@main.command()
@click.argument("directories", nargs=-1, metavar="DIR...")
@click.option("--all", "roots", multiple=True, metavar="ROOT", help="Every run in ROOT but those still going on.")
@click.option("--to", metavar="CONFIG", help="Replay the whole run to these trackers: a file, or JSON.")
@click.option("--patience", default=30.0, show_default=True, help="Seconds without progress before giving up.")
def sync(directories: tuple[str, ...], roots: tuple[str, ...], to: str | None, patience: float) -> None:
    """Deliver what is left of the runs in DIR, and set the status of one whose process died.

    The exit code is 0 only when nothing is left. Doing it twice changes nothing.
    """
    if not directories and not roots:
        raise click.UsageError("name the directory of a run, or --all ROOT for every run in ROOT")
    configs = None if to is None else _configs(to)
    complete = [_try_one(directory, configs, patience) for directory in directories]
    complete += [_try_one(directory, configs, patience, walked=True) for directory in _runs_in(roots)]
    sys.exit(0 if all(complete) else 1)


def _configs(to: str) -> Any:
    """What ``--to`` says, looked at once before the first run."""
    try:
        configs = json.loads(to) if to.lstrip().startswith(("{", "[")) else to
        build(configs)
    except (ValueError, TracklibError) as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    return configs


def _runs_in(roots: tuple[str, ...]) -> Iterator[str]:
    for root in roots:
        if not os.path.isdir(root):
            raise click.BadParameter(f"{root} is no directory", param_hint="--all")
        yield from runs_under(root)


def _try_one(directory: str, to: Any, patience: float, walked: bool = False) -> bool:
    """Whether nothing is left of a run. One that was found by walking may be going on still."""
    try:
        return _sync_one(directory, to, patience)
    except TracklibError as error:
        if walked and isinstance(error, RunDirectoryError) and error.in_use:
            click.echo(f"{directory}: still going on, and left alone")
            return True
        click.echo(f"{directory}: {error}", err=True)
        return False


def _sync_one(directory: str, to: Any, patience: float) -> bool:
    with tqdm(desc=directory, unit="B", unit_scale=True, delay=_LONG_SECONDS, leave=False, disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        synced = sync_run(directory, to, patience=patience, on_progress=progress)
    _tell(directory, synced)
    return all(outcome.left is None for outcome in synced.outcomes)


def _tell(directory: str, synced: Synced) -> None:
    if synced.was_cut_off:
        click.echo(f"{directory}: its process died: the run's status is {synced.status} now")
    if synced.damaged:
        lines = "line" if synced.damaged == 1 else "lines"
        click.echo(f"{directory}: {synced.damaged} damaged {lines} of the journal passed over")
    for outcome in synced.outcomes:
        refused = f", {outcome.rejected} refused (see rejected.jsonl)" if outcome.rejected else ""
        state = "complete" if outcome.left is None else f"not complete: {outcome.left}"
        click.echo(f"{directory}: {outcome.tracker}: {outcome.delivered} records delivered{refused}, {state}")
