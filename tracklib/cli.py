"""The command line: ``tracklib ...``, the same as ``python -m tracklib ...``."""

from __future__ import annotations

import sys

import click

from ._sync import sync as sync_run
from .errors import TracklibError


@click.group()
@click.version_option(package_name="tracklib-ml")
def main() -> None:
    """Tools over the journals of tracklib's runs."""


@main.command()
@click.argument("directories", nargs=-1, required=True, metavar="DIR...")
@click.option("--patience", default=30.0, show_default=True, help="Seconds without progress before giving up.")
def sync(directories: tuple[str, ...], patience: float) -> None:
    """Deliver what is left of the runs in DIR, and set the status of one whose process died.

    The exit code is 0 only when nothing is left.
    """
    complete = [_sync_one(directory, patience) for directory in directories]
    sys.exit(0 if all(complete) else 1)


def _sync_one(directory: str, patience: float) -> bool:
    try:
        outcomes = sync_run(directory, patience)
    except TracklibError as error:
        click.echo(f"{directory}: {error}", err=True)
        return False
    for outcome in outcomes:
        refused = f", {outcome.rejected} refused (see rejected.jsonl)" if outcome.rejected else ""
        state = "complete" if outcome.left is None else f"not complete: {outcome.left}"
        click.echo(f"{directory}: {outcome.tracker}: {outcome.delivered} records delivered{refused}, {state}")
    return all(outcome.left is None for outcome in outcomes)
