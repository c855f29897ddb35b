"""``tracklib plot``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ..reading.collection import distinct
from ..reading.run import Run
from ..reading.series import smoothed
from . import asked
from .braille import Line, chart
from .columns import measured, told_apart
from .form import Form, form_options
from .tables import print_csv, print_json, terminal_width
from .words import cut, plain

_MOST = 7  # lines in one chart: as many as there are colours


@click.command()
@asked.run_arguments()
@asked.root_option
@asked.where_option
@asked.metrics_option
@click.option(
    "--x",
    "axis",
    type=click.Choice(["step", "time"]),
    default="step",
    show_default=True,
    help="What goes to the right.",
)
@click.option(
    "--smooth", type=click.FloatRange(0, 1, max_open=True), default=0.0, help="From 0 to 0.99, as in the report."
)
@click.option("--log", "is_log", is_flag=True, help="A logarithmic y.")
@click.option("--height", type=click.IntRange(2), default=12, show_default=True, help="Lines of text for each chart.")
@form_options()
def command(
    names: tuple[str, ...],
    root: str,
    where: str | None,
    metrics: tuple[str, ...],
    axis: str,
    smooth: float,
    is_log: bool,
    height: int,
    form: Form,
) -> None:
    """Draw metrics of runs in the terminal: of the newest run, where none is named.

    What is drawn are means of neighbouring steps where there are many; --csv and --json say their least and greatest.
    """
    runs = list(asked.several(names, root, where)) if names or where else [asked.one_run(None, root)]
    wanted = _wanted(runs, metrics)
    if not wanted:
        raise asked.NotFound(
            f"no metric {' '.join(map(plain, metrics)) or 'at all'} in {', '.join(plain(run.name) for run in runs[:5])}"
        )
    if form:
        return _print_points(runs, wanted, form)
    for number, metric in enumerate(wanted):
        if number:
            click.echo()
        for text in _chart(runs, metric, axis, smooth, is_log, height):
            click.echo(text)
    return None


def _wanted(runs: Sequence[Run], patterns: Sequence[str]) -> list[str]:
    every = dict.fromkeys(name for run in runs for name in run.last)
    return asked.fitting(every, patterns) if patterns else measured(runs)


def _chart(runs: Sequence[Run], metric: str, axis: str, smooth: float, is_log: bool, height: int) -> list[str]:
    having = [run for run in runs if metric in run.last]
    drawn = having[:_MOST]
    lines = [_line(run, title, metric, axis, smooth) for run, title in zip(drawn, told_apart(drawn), strict=True)]
    name = run_axis(having[0], metric) if axis == "step" else "seconds"
    text = chart(plain(metric), lines, name, terminal_width(), height, is_log)
    if len(having) > _MOST:
        text.append(click.style(f"not drawn: {len(having) - _MOST} more runs (--where, or tracklib report)", dim=True))
    return text


def run_axis(run: Run, metric: str) -> str:
    """The axis on which a metric is drawn."""
    return plain(run.last[metric].axis)


def _line(run: Run, title: str, metric: str, axis: str, smooth: float) -> Line:
    curve = run.curve(metric)
    began = run.began.timestamp()
    x: Any = curve.steps if axis == "step" else [time / 1000 - began for time in curve.times]
    return Line(cut(plain(title), 30), x, smoothed(x, curve.means, smooth))


def _print_points(runs: Sequence[Run], metrics: Sequence[str], form: Form) -> None:
    curves = [
        (title, metric, run.curve(metric))
        for run, title in zip(runs, distinct(runs), strict=True)
        for metric in metrics
        if metric in run.last
    ]
    if form == "json":
        return print_json(
            {
                "run": title,
                "metric": metric,
                "axis": curve.axis,
                "records": curve.width,
                "steps": list(curve.steps),
                "mean": list(curve.means),
                "min": list(curve.mins),
                "max": list(curve.maxs),
            }
            for title, metric, curve in curves
        )
    rows = [
        [title, metric, *point]
        for title, metric, curve in curves
        for point in zip(curve.steps, curve.means, curve.mins, curve.maxs, strict=True)
    ]
    return print_csv(["run", "metric", "step", "mean", "min", "max"], rows)
