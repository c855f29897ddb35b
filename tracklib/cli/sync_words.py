"""What became of runs that were to be delivered, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from .._journal import layout
from ..trackers._wandb_offline import upload_command
from .sync_outcome import Told, Verdict
from .words import many, plain


def print_told(told: Told) -> None:
    """One line for what there is to say of the run itself, and one verdict for each tracker."""
    at = plain(told.directory)
    if told.why:
        click.echo(
            f"{at}: {told.why.removeprefix(f'{told.directory}: ')}",
            err=told.verdict not in (Verdict.COMPLETE, Verdict.LEFT),
        )
    if told.was_cut_off:
        click.echo(
            f"{at}: its process died: "
            + (f"the run's status is {told.status} now" if told.status else "no status was told to anybody")
        )
    if told.writers:
        click.echo(f"{at}: {many(told.writers, 'writer')} still going on: sync once more when they are done")
    if told.damaged:
        click.echo(f"{at}: {many(told.damaged, 'damaged line')} of the journal passed over")
    for one in told.trackers:
        click.echo(f"{at}: {plain(one['name'])}: {_verdict_on(one)}")
    if command := upload_command(told.directory):
        click.echo(f"{at}: W&B wrote offline; to upload that: {plain(command)}")


def _verdict_on(one: dict[str, Any]) -> str:
    refused = f", {one['rejected']} refused (see {layout.REJECTED})" if one["rejected"] else ""
    if "left" in one:
        left = (
            f"{many(one['left'], 'record')} to deliver"
            if one["left"]
            else "complete"
            if one["complete"]
            else "nothing more to deliver"
            if one["told"]
            else "the run's end is not told"
        )
        return left + refused
    state = "complete" if one["complete"] else f"not complete: {one['why'] or 'see --retry-rejected'}"
    return f"{one['delivered']} records delivered{refused}, {state}"


def print_summary(told: Sequence[Told], dry_run: bool) -> None:
    """How many of the runs have which verdict."""
    counts = Counter(found.verdict for found in told)
    words = {
        Verdict.COMPLETE: "complete",
        Verdict.REFUSED: "refused in part",
        Verdict.LEFT: "to deliver" if dry_run else "not complete",
        Verdict.IN_USE: "in use",
        Verdict.MISSING: "missing",
        Verdict.BROKEN: "broken",
    }
    parts = [f"{counts[verdict]} {words[verdict]}" for verdict in Verdict if counts[verdict]]
    click.echo(f"{many(len(told), 'run')}: {', '.join(parts) or 'nothing to do'}")
