"""``tracklib ls``."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from ..reading.collection import Runs
from ..reading.names import GROUPS, value_of
from ..reading.run import Run
from . import asked
from .columns import STATUS_STYLES, apart_from_others, epoch_of, heading_of, measured, params_that_differ, told_apart
from .completing import FieldName, RunName
from .form import Form, form_options
from .grouping import print_groups
from .tables import Heading, print_csv, print_json, print_markdown, print_table, terminal_width
from .words import many, plain


@click.command()
@click.argument("places", nargs=-1, metavar="[ROOT|RUN]...", type=RunName())
@asked.root_option
@asked.where_option
@click.option(
    "--sort", metavar="NAME", type=FieldName(), help="By what, the least first; -NAME for the greatest first."
)
@click.option("-n", "--limit", type=click.IntRange(1), help="At most so many.")
@click.option(
    "--group", metavar="NAME", type=FieldName(), help="One line for each value: means and deviations, as over seeds."
)
@click.option("--columns", metavar="NAMES", help="Which columns, separated by commas.")
@click.option("--wide", is_flag=True, help="All columns, however wide.")
@click.option("--all", "inner", is_flag=True, help="Also the children of runs, and the previous ones.")
@form_options(has_markdown=True)
def command(
    places: tuple[str, ...],
    root: str,
    where: str | None,
    sort: str | None,
    limit: int | None,
    group: str | None,
    columns: str | None,
    wide: bool,
    inner: bool,
    form: Form,
) -> None:
    """List runs, the newest last.

    NAME is a param, a metric (the best value where the run was asked to keep it, else the last one), a tag, or one of
    status, took, age, epoch, host, git; params.NAME, last.NAME, min.NAME and so on say which is meant.
    """
    every = asked.several(places, root, inner=inner)
    found = asked.filtered(every, where) if where else every
    found = _tree(found) if inner and not sort else _ordered(found, sort)
    if group:
        return print_groups(found, group, form)
    kept = found[:limit] if limit and (sort or inner) else found[-limit:] if limit else found
    names = [name.strip() for name in columns.split(",")] if columns else _names(kept, sort)
    headings = [heading_of(name, sort) for name in names]
    rows = [[_value(run, name, root if inner else "") for name in names] for run in kept]
    _say_if_nobody_has(sort, found)
    if form == "json":
        return print_json(
            {heading.name: value for heading, value in zip(headings, row, strict=True)} | _whole(run)
            for run, row in zip(kept, rows, strict=True)
        )
    if form == "csv":
        return print_csv([heading.name for heading in headings], rows)
    if "name" in names and not inner:
        for title, row in zip(told_apart(kept), rows, strict=True):
            row[names.index("name")] = title
    if "epoch" in names:
        for run, row in zip(kept, rows, strict=True):
            row[names.index("epoch")] = epoch_of(run)
    if form == "md":
        return print_markdown(headings, rows)
    return _print(headings, rows, kept, every, None if wide else terminal_width())


def _say_if_nobody_has(sort: str | None, found: Runs) -> None:
    name = (sort or "").removeprefix("-")
    if name and found and all(value_of(run, name) is None for run in found):
        known = {*measured(found), *(param for run in found for param in run.flat_params)}
        meant = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f": did you mean {plain(meant[0])}?" if meant else ""
        click.echo(f"not sorted, as no run has {plain(name)}{hint}", err=True)


def _print(headings: Sequence[Heading], rows: list[list[Any]], kept: Runs, every: Runs, most: int | None) -> None:
    marks = _best_of_all(headings, kept, every)
    left_out = print_table(headings, rows, most=most, marks=marks)
    has_star = any(column < len(headings) - len(left_out) for _, column in marks)
    counts = Counter(run.status for run in every)
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts, key=list(STATUS_STYLES).index))
    of = many(len(every), "run") if len(kept) == len(every) else f"{len(kept)} of {many(len(every), 'run')}"
    click.secho(f"{of} ({told}){'; * best of all' if has_star else ''}", dim=True)
    if left_out:
        click.secho(f"not shown: {', '.join(map(plain, left_out))} (--columns NAMES, --wide)", dim=True)


def _ordered(found: Runs, sort: str | None) -> Runs:
    return found.sorted_by(sort) if sort else Runs(sorted(found, key=lambda run: run.began), found.unreadable)


def _tree(found: Runs) -> Runs:
    """Each run followed by those inside it."""
    return Runs(sorted(found, key=lambda run: run.directory.split(os.sep)), found.unreadable)


def _names(found: Sequence[Run], sort: str | None) -> list[str]:
    """What there is to tell: what it was sorted by first, then the metrics whose best value is kept, the params that
    differ, and what else was measured."""
    measures = measured(found)
    best = [name for name in measures if any(name in run.best for run in found)] or measures
    metrics, kept = ([apart_from_others(name, found) for name in names] for names in (measures, best))
    wanted = [
        "name",
        "status",
        "took",
        "epoch",
        (sort or "").removeprefix("-"),
        *kept,
        *params_that_differ(found),
        *metrics,
        "age",
        "git",
        "tags",
    ]
    return [
        name
        for name in dict.fromkeys(wanted)
        if name in ("name", "status") or any(_is_told(run, name) for run in found)
    ]


def _is_told(run: Run, name: str) -> bool:
    return bool(name) and _value(run, name, "") not in (None, "")


def _value(run: Run, name: str, tree: str) -> Any:
    if name == "name" and tree:
        inside = os.path.relpath(run.directory, tree).split(os.sep)
        depth = sum(part in ("children", "previous") for part in inside)
        return "  " * depth + ("(previous) " if "previous" in inside[-2:-1] else "") + run.name
    if name == "tags":
        return " ".join(f"{tag}={value}" if value else tag for tag, value in run.own_tags.items())
    return run.environment.revision if name == "git" else value_of(run, name)


def _whole(run: Run) -> dict[str, Any]:
    """What JSON has beside the columns: all of it, by full names."""
    parts = {"params": run.flat_params, "tags": run.own_tags}
    measured = {
        group: {name: value_of(run, f"{group}.{name}") for name in run.last}
        for group in GROUPS
        if group in ("last", "min", "max")
    }
    best = {"best": {name: best.value for name, best in run.best.items()}}
    own = {
        "name": run.name,
        "uid": run.uid,
        "directory": run.directory,
        "status": run.status,
        "began": run.began.isoformat(),
    }
    return own | parts | best | measured


def _best_of_all(headings: Sequence[Heading], kept: Runs, every: Runs) -> set[tuple[int, int]]:
    """Row and column of what no other run betters, by what the runs were asked to keep."""
    of_all, of_kept = ([run.best for run in runs] for runs in (every, kept))
    found = set()
    for metric in {metric for best in of_all for metric in best}:
        modes = {best[metric].mode for best in of_all if metric in best}
        places = [j for j, heading in enumerate(headings) if heading.name.removeprefix("best.") == metric]
        if len(modes) != 1 or len(every) < 2 or not places:
            continue
        values = [best[metric].value for best in of_all if metric in best]
        top = min(values) if modes == {"min"} else max(values)
        rows = [i for i, best in enumerate(of_kept) if metric in best and best[metric].value == top]
        found |= {(i, j) for i in rows for j in places}
    return found
