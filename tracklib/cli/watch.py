"""``tracklib watch``."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence

import click

from .._common.columns import width
from .._journal.kept import Place
from .._journal.records import Log
from ..reading.following import follow
from ..reading.run import Run
from ..reading.words import about, number
from . import asked
from .columns import STATUS_STYLES, epoch_of, measured
from .completing import RunName
from .form import Form, form_options
from .tables import as_json as json_of
from .tables import print_csv_rows
from .words import cut, plain, sparkline

_UP, _CLEAR = "\x1b[{}A", "\x1b[0J"


@click.command()
@click.argument("name", required=False, metavar="[RUN]", type=RunName())
@asked.root_option
@asked.metrics_option
@click.option("--every", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds between two looks.")
@form_options(json="A line of JSON for each change.", csv="A row for each value, as it comes: the earlier ones, too.")
def command(name: str | None, root: str, metrics: tuple[str, ...], every: float, form: Form) -> None:
    """Follow a run until it ends: the newest, where none is named.

    In a terminal the picture stays in its place; elsewhere there is a line for each change. The exit code is 1 where
    the run did not finish, 130 where Ctrl-C ended the watching.
    """
    run = asked.one_run(name, root)
    try:
        if form == "csv":
            _print_points(run, metrics, every)
        else:
            _show(run, metrics, every, form)
    except KeyboardInterrupt:
        sys.exit(130)  # without a word: click's would be "Aborted!", and the run goes on
    sys.exit(0 if run.status == "finished" else 1)


def _show(run: Run, metrics: Sequence[str], every: float, form: Form) -> None:
    """How it stands, each time that this is another, until its end."""
    is_picture = sys.stdout.isatty() and not form
    shown, height = "", 0
    while True:
        text = json_of(_told(run, metrics)) if form else _picture(run, metrics) if is_picture else _line(run, metrics)
        if text != shown:
            if height:
                click.echo(_UP.format(height) + _CLEAR, nl=False)
            click.echo(text)
            shown, height = text, (text.count("\n") + 1) * is_picture
        if not run.is_live:
            return
        time.sleep(every)
        run.refresh()


def _print_points(run: Run, metrics: Sequence[str], every: float) -> None:
    """Each value from the run's beginning to its end, as ``export`` has them; what a loop that went back said again,
    too."""
    print_csv_rows([["run", "metric", "axis", "step", "time", "value"]])
    for record in follow(run, Place(), every):
        if isinstance(record, Log):
            print_csv_rows(
                [
                    [run.name, name, record.axis, record.step, record.time, record.metrics[name]]
                    for name in asked.fitting(record.metrics, metrics)
                ]
            )


def _told(run: Run, metrics: Sequence[str]) -> dict[str, object]:
    last = {name: run.last[name].value for name in asked.fitting(run.last, metrics)}
    told = {name: getattr(run, name) for name in ("name", "status", "epoch", "planned_epochs")}
    return told | {"took": round(run.took, 1), "last": last}


def _head(run: Run) -> str:
    status = click.style(run.status, **STATUS_STYLES.get(run.status, {}))
    return f"{click.style(plain(run.name), bold=True)}  {status}{_epoch(run)}  {about(run.took)}{_left(run)}"


def _epoch(run: Run) -> str:
    return f"  epoch {epoch_of(run)}" if epoch_of(run) else ""


def _left(run: Run) -> str:
    """How long its planned epochs will take, if they go on as fast; of a resumed run nobody can say how fast it is."""
    done, planned = run.summary.finished_epochs, run.planned_epochs
    if not (run.is_live and done and planned and done < planned and len(run.attempts) == 1):
        return ""
    return f", about {about(run.took / done * (planned - done))} left"


def _line(run: Run, metrics: Sequence[str]) -> str:
    """Where there is no terminal: what does not change by itself, on one line."""
    values = "  ".join(f"{plain(name)} {number(run.last[name].value)}" for name in _wanted(run, metrics))
    return f"{plain(run.name)}  {run.status}{_epoch(run)}  {values}".rstrip()


def _picture(run: Run, metrics: Sequence[str]) -> str:
    """No wider and no higher than the terminal, so that the next one takes its place."""
    columns, rows = shutil.get_terminal_size()
    bars = max(10, min(60, columns - 60))
    lines = [f"{_head(run)}  last record {about(run.age)} ago" if run.is_live else _head(run)]
    wanted = _wanted(run, metrics)
    room = max(1, rows - 2) if len(wanted) <= rows - 2 else max(1, rows - 3)
    for name in wanted[:room]:
        best = run.best.get(name)
        told = f"best {number(best.value)} at {best.step}" if best else ""
        curve = sparkline(run.curve(name).means, bars)
        lines.append(f"{cut(plain(name), 20):20}  {number(run.last[name].value):>10}  {told:22}  {curve}")
    if len(wanted) > room:
        lines.append(f"and {len(wanted) - room} more: -m NAME says which are shown")
    return "\n".join(_within(line, columns) for line in lines)


def _within(line: str, columns: int) -> str:
    return line if width(click.unstyle(line)) <= columns else cut(click.unstyle(line), columns)


def _wanted(run: Run, metrics: Sequence[str]) -> list[str]:
    """The metrics that are asked for; before they come, and where none is, those that matter."""
    return (asked.fitting(run.last, metrics) if metrics else []) or [
        name for name in measured([run]) if name in run.last
    ]
