"""``tracklib compare``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from .._common.columns import width
from ..reading.collection import distinct
from ..reading.names import value_of
from ..reading.run import Run
from ..reading.words import about
from . import asked
from .columns import measured
from .form import Form, form_options
from .tables import Heading, print_csv, print_json, print_markdown, print_table, terminal_width
from .words import cut, plain, shown

Row = tuple[str, str, list[Any]]  # its name, its kind, and a value for each run


@click.command()
@asked.run_arguments()
@asked.root_option
@asked.where_option
@click.option("--all", "is_whole", is_flag=True, help="Also what is the same in all.")
@asked.metrics_option
@form_options(has_markdown=True)
def command(
    names: tuple[str, ...],
    root: str,
    where: str | None,
    is_whole: bool,
    metrics: tuple[str, ...],
    form: Form,
) -> None:
    """Show what differs between runs: params, metrics, tags, code and machine."""
    runs = list(asked.several(names, root, where))
    if len(runs) < 2:
        raise click.UsageError("name two runs at least, as: tracklib compare run-1 run-2")
    rows = _rows(runs, _wanted(runs, metrics))
    same = [row for row in rows if all(repr(value) == repr(row[2][0]) for value in row[2]) and row[2][0] is not None]
    kept = rows if is_whole else [row for row in rows if row not in same and any(value is not None for value in row[2])]
    titles = distinct(runs, {"name"})
    if form == "json":
        return print_json({"name": name, "values": dict(zip(titles, values, strict=True))} for name, _, values in kept)
    headings = [
        Heading("", "name", is_left=True),
        *(Heading(plain(title), title, show=lambda text: text) for title in titles),
    ]
    if form == "csv":
        return print_csv(["name", *titles], [[name, *values] for name, _, values in kept])
    table = [
        [name, *(about(value) if kind == "time" else shown(value) for value in values)] for name, kind, values in kept
    ]
    if form == "md":
        return print_markdown(headings, table)
    headings, table = _within(headings, table, terminal_width())
    left_out = print_table(headings, table, most=terminal_width(), marks=_marks(kept))
    if left_out:
        others = ", ".join(plain(title) for title in titles[-len(left_out) :])
        click.secho(f"not shown: {others} (--csv and --md have all, tracklib ls has a line for each)", dim=True)
    if same and not is_whole:
        told = ", ".join(
            f"{plain(name).strip()} {about(values[0]) if kind == 'time' else shown(values[0])}"
            for name, kind, values in same
        )
        click.secho(f"same in all: {told}", dim=True)
    return None


def _wanted(runs: Sequence[Run], patterns: Sequence[str]) -> Sequence[str]:
    """The metrics to compare.

    Raises:
        NotFound: there is none that fits.
    """
    every = dict.fromkeys(name for run in runs for name in run.last)
    found = asked.fitting(every, patterns) if patterns else measured(runs)
    if patterns and not found:
        raise asked.NotFound(f"no metric {' '.join(map(plain, patterns))}; there are {', '.join(map(plain, every))}")
    return found


def _within(headings: list[Heading], table: list[list[str]], most: int) -> tuple[list[Heading], list[list[str]]]:
    """With the ends of names and texts, which differ more often than their beginnings, where they are too long for
    the runs to stand beside each other."""
    names, *runs = headings
    labels = [cut(row[0], most // 3) for row in table]
    share = max(_SHORT, (most - max(map(width, labels), default=0)) // len(runs) - _ROOM)
    while len({_end(each.title, share) for each in runs}) < len({each.title for each in runs}):
        share += 1  # so that no two runs have one title
    cells = [[label, *(_end(text, share) for text in row[1:])] for label, row in zip(labels, table, strict=True)]
    return [names, *(replace(each, title=_end(each.title, share)) for each in runs)], cells


_ROOM = 3  # between two columns, and for a star
_SHORT = 10


def _end(text: str, most: int) -> str:
    return text if width(text) <= most else f"…{text[1 - most :]}"


def _rows(runs: Sequence[Run], metrics: Sequence[str]) -> list[Row]:
    params = dict.fromkeys(name for run in runs for name in run.flat_params)
    tags = dict.fromkeys(name for run in runs for name in run.own_tags)
    rows: list[Row] = [(name, "param", [value_of(run, f"params.{name}") for run in runs]) for name in params]
    for name in metrics:
        rows += _of_metric(name, runs)
    rows += [(name, "tag", [value_of(run, f"tags.{name}") for run in runs]) for name in tags]
    rows += [
        (name, "time" if name == "took" else "own", [value_of(run, name) for run in runs])
        for name in ("status", "epoch", "took")
    ]
    rows.append(("git", "own", [run.environment.revision or None for run in runs]))
    rows += [
        (name, "own", [getattr(run.environment, name) or None for run in runs])
        for name in ("branch", "python", "host", "gpus", "command")
    ]
    return rows


def _of_metric(name: str, runs: Sequence[Run]) -> list[Row]:
    """Its best value and where that was, where a run was asked to keep it; else its last."""
    modes = {run.best[name].mode for run in runs if name in run.best}
    if len(modes) != 1:
        return [(f"{name} last", "last", [value_of(run, f"last.{name}") for run in runs])]
    best = [run.best.get(name) for run in runs]
    axis = next(each.axis for each in best if each)
    (mode,) = modes
    return [
        (f"{name} {mode}", str(mode), [each and each.value for each in best]),
        (f"  at {axis}", "step", [each and each.step for each in best]),
    ]


def _marks(rows: Sequence[Row]) -> set[tuple[int, int]]:
    """The best of each row that says what is better."""
    found = set()
    for i, (_, kind, values) in enumerate(rows):
        known = [value for value in values if isinstance(value, int | float)]
        if kind in ("min", "max") and len(known) > 1:
            top = min(known) if kind == "min" else max(known)
            found |= {(i, j + 1) for j, value in enumerate(values) if value == top}
    return found
