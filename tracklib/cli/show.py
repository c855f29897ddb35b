"""``tracklib show``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from .._common.columns import width
from .._common.files import text_of
from .._journal.checkpoints import CheckpointPath
from ..reading.run import Run
from ..reading.words import duration, number
from . import asked
from .columns import STATUS_STYLES
from .completing import RunName
from .form import Form, form_options
from .tables import Heading, print_csv, print_table, terminal_width
from .tables import as_json as json_of
from .trackers import trackers_of
from .words import many, plain, shown, size, sparkline

_CONSOLE_LINES = 200
_NOTES = 20  # the newest


@click.command()
@click.argument("name", required=False, metavar="[RUN]", type=RunName())
@asked.root_option
@asked.metrics_option
@click.option("--patch", is_flag=True, help="Also the difference to the last commit.")
@click.option("--console", is_flag=True, help="The end of what it printed, and nothing else.")
@form_options()
def command(name: str | None, root: str, metrics: tuple[str, ...], patch: bool, console: bool, form: Form) -> None:
    """Show one run: the newest, where none is named."""
    run = asked.one_run(name, root)
    if console and form:
        raise click.UsageError("--console is a text: leave out --json and --csv")
    if console:
        return _print_console(run)
    if form == "json":
        return click.echo(json_of(run.as_dict() | {"trackers": [each.as_dict() for each in trackers_of(run)]}))
    rows = list(_metrics(run, metrics))
    if metrics and not rows:
        there = ", ".join(map(plain, run.last)) or "none"
        raise asked.NotFound(f"{plain(run.name)} has no metric {' '.join(map(plain, metrics))}; it has {there}")
    if form == "csv":
        return print_csv(
            ["metric", "axis", "last", "best", "at", "min", "max", "mean", "count"], [row[:9] for row in rows]
        )
    _print_head(run)
    _print_params(run)
    if rows:
        _print_metrics(rows)
    _print_rest(run)
    for note in run.notes[-_NOTES:]:
        click.echo(plain(f"note       {note.told}"))
    if patch:
        _print_patch(run)
    return None


def _print_head(run: Run) -> None:
    status = click.style(run.status, **STATUS_STYLES.get(run.status, {}))
    began = run.began.astimezone().strftime("%Y-%m-%d %H:%M")
    attempts = many(len(run.attempts), "attempt")
    facts = [f"{began}, took {duration(run.took)}", attempts, f"uid {run.uid[:8]}"]
    click.echo(f"{click.style(plain(run.name), bold=True)}  {status}  {', '.join(facts)}")
    if run.error:
        told = f"{run.error}: {run.message}" if run.message else run.error
        click.secho(plain(" ".join(told.split())), fg="red")
    made = run.environment
    git = f"git {made.revision}{f' ({made.branch})' if made.branch else ''}" if made.git else ""
    python = f"python {made.python}" if made.python else ""
    facts = [os.path.relpath(run.directory), git, python, made.host, made.gpus]
    click.echo(plain("  ".join(fact for fact in facts if fact)))
    if run.damaged:
        click.secho(f"{many(run.damaged, 'damaged line')} of the journal passed over", fg="yellow")


def _print_params(run: Run) -> None:
    params = [f"{plain(name)} {shown(value)}" for name, value in run.flat_params.items()]
    tags = [f"{plain(name)}={plain(value)}" if value else plain(name) for name, value in run.own_tags.items()]
    for title, told in (("params", params), ("tags", tags)):
        if told:
            _print_list(title, told)


def _print_list(title: str, words: list[str]) -> None:
    """Words behind a title, in as many lines as they need."""
    most, line = terminal_width(), f"{title:10} "
    for word in words:
        if width(line) + width(word) > most and line.strip():
            click.echo(line.rstrip())
            line = " " * 11
        line += word + "  "
    click.echo(line.rstrip())


def _metrics(run: Run, wanted: tuple[str, ...]) -> Iterator[list[Any]]:
    """Of each metric: name, axis, last, best, where that was, min, max, mean, count, and which way is better."""
    for (axis, name), known in run.series.items():
        if not asked.fitting([name], wanted):
            continue
        best = run.best.get(name)
        kept = best if best and best.axis == axis else None
        yield [
            name,
            axis,
            known.last.value,
            kept and kept.value,
            kept and kept.step,
            known.min.value,
            known.max.value,
            known.mean,
            known.count,
            kept and kept.mode,
            run.curve(name, axis).means,
        ]


def _print_metrics(rows: list[list[Any]]) -> None:
    arrow = {"min": " ↓", "max": " ↑", None: ""}
    bars = max(10, min(40, terminal_width() - 90))
    headings = [
        Heading("METRIC", "metric", is_left=True),
        *(Heading(title, title) for title in ("LAST", "BEST", "AT", "MIN", "MAX", "N")),
        Heading("", "curve", is_left=True),
    ]
    axes = {row[1] for row in rows}
    table = [
        [
            row[0] if len(axes) == 1 or row[1] == "epoch" else f"{row[0]} (by {row[1]})",
            row[2],
            "" if row[3] is None else number(row[3]) + arrow[row[9]],
            row[4],
            row[5],
            row[6],
            row[8],
            sparkline(row[10], bars),
        ]
        for row in rows
    ]
    left_out = print_table(headings, table, most=terminal_width())
    if left_out := [title for title in left_out if title]:
        click.secho(f"not shown: {', '.join(left_out)}", dim=True)


def _histograms(run: Run) -> Iterator[str]:
    for name, each in run.histograms.items():
        last = each[-1]
        moments = f"{number(last.mean)} ± {number(last.std)}, {number(last.min)} to {number(last.max)}"
        moments = moments if last.counts else "NaN and infinities only"
        yield f"{plain(name)} ({len(each)}; {plain(last.axis)} {last.step}: {moments}) {sparkline(last.counts, 16)}"


def _print_rest(run: Run) -> None:
    artifacts = [
        f"{plain(one.name)} ({size(one.size)})" if one.exists else f"{plain(one.name)} (gone)"
        for one in run.artifacts.values()
    ]
    checkpoints = [_checkpoint(one) for one in run.checkpoints]
    trackers = [f"{plain(each.name)} {each.words}" for each in trackers_of(run)]
    inside = [
        f"{many(len(runs), 'run')}: tracklib ls --all {os.path.relpath(run.directory)}"
        for runs in (run.children,)
        if len(runs)
    ]
    before = [plain(one.uid[:8]) for one in run.previous]
    alerts = [f"{plain(each.event)} {each.how} to {plain(each.to)}" for each in run.alerts[-10:]]
    rest = {"histograms": [*_histograms(run)], "alerts": alerts, "checkpoints": checkpoints, "artifacts": artifacts}
    rest |= {"trackers": trackers, "children": inside, "previous": before}
    for title, told in rest.items():
        if told:
            _print_list(title, told)


def _checkpoint(one: CheckpointPath) -> str:
    facts = [*one.aliases, *(f"{plain(name)} {number(value)}" for name, value in one.metrics.items())]
    return f"{plain(one.name)} ({', '.join([*facts, size(one.size) if one.exists else 'gone'])})"


def _print_console(run: Run) -> None:
    lines = run.console.splitlines()
    if not lines:
        raise asked.NotFound(f"{plain(run.name)} has no console: it printed nothing, or not with console=True")
    for line in lines[-_CONSOLE_LINES:]:
        click.echo(plain(line))


def _print_patch(run: Run) -> None:
    kept = run.artifacts.get("git.patch")
    patch = text_of(kept.path) if kept else None
    if patch is None:
        raise asked.NotFound(f"{plain(run.name)} has no git.patch: nothing differed, or nobody looked")
    for line in patch.removesuffix("\n").split("\n"):
        click.echo(plain(line))
