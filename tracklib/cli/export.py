"""``tracklib export``."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import click

from ..reading.collection import Runs, column, distinct
from ..reading.metrics import Metrics, axis_title
from ..reading.table import Table, Tabular
from . import asked
from .form import Form, form_options, print_one
from .tables import as_json as json_of
from .tables import print_csv, print_json
from .words import many, plain

_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}


@click.command()
@asked.run_arguments()
@asked.root_option
@asked.where_option
@asked.output_option("x.parquet, x.csv or x.jsonl; else CSV on the standard output.")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "jsonl", "parquet"]), help="Where the file's ending does not say it."
)
@click.option(
    "--long/--wide",
    "is_long",
    default=True,
    help="A row for each value (run, metric, axis, step, time, value), or for each step with a column for each metric.",
)
@click.option("--summary", is_flag=True, help="A row for each run instead: params, best and last values, tags.")
@asked.metrics_option
@asked.steps_option
@form_options(json="The points as JSON; with -o what was written.", csv="The points as CSV; with -o what was written.")
def command(
    names: tuple[str, ...],
    root: str,
    where: str | None,
    output: str | None,
    kind: str | None,
    is_long: bool,
    summary: bool,
    metrics: tuple[str, ...],
    steps: tuple[int, int] | None,
    form: Form,
) -> None:
    """Write the points of runs, all of them, for other programs; times are milliseconds since 1970 in CSV and JSON."""
    kind = kind or _kind_of(output, form)
    runs = asked.several(names, root, where)
    table = runs.table() if summary else _long(runs, metrics) if is_long else _wide(runs, metrics)
    if steps is not None and not summary:
        table = _between(table, steps, ["step"] if is_long else _axes(runs))
    if not len(table):
        raise asked.NotFound(
            f"{many(len(runs), 'run')} without a point" + (" that was asked for" if metrics or steps else "")
        )
    if kind == "parquet":
        _write_parquet(table, output)
    elif output is None:
        _write_text(table, kind, sys.stdout)
    else:
        with _replacing(output) as path, open(path, "w", encoding="utf-8", newline="") as file:
            _write_text(table, kind, file)
    if output is not None and form:
        print_one(form, {"path": output, "format": kind, "rows": len(table), "runs": len(runs)})
    elif output is not None:
        click.echo(f"{plain(output)}: {many(len(table), 'row')} of {many(len(runs), 'run')}", err=True)


def _kind_of(output: str | None, form: Form) -> str:
    if output is None:
        return form or "csv"
    ending = os.path.splitext(output)[1].lower()
    if ending not in _ENDINGS:
        raise click.BadParameter(
            f"{ending or 'no ending'} says no format: use .parquet, .csv or .jsonl, or --format", param_hint="-o"
        )
    return _ENDINGS[ending]


def _long(runs: Runs, patterns: Sequence[str]) -> Table:
    names = asked.fitting(dict.fromkeys(name for run in runs for name in run.last), patterns)
    if not names:
        return Table({}, 0)
    return runs.metrics(*names)


def _wide(runs: Runs, patterns: Sequence[str]) -> Table:
    """The rows of all runs under each other, behind the run's name. A metric that is called as one of the other columns
    is in ``metrics.<name>``, as in a run's own table."""
    taken = {"run", "time", *_axes(runs)}
    rows: list[dict[str, Any]] = []
    for run, told in zip(runs, distinct(runs), strict=True):
        titles = _titles(run.metrics, taken, patterns)
        rows += [{"run": told, **{title: row[name] for name, title in titles.items()}} for row in run.metrics.rows()]
    columns = {
        name: column([row.get(name) for row in rows]) for name in dict.fromkeys(name for row in rows for name in row)
    }
    if rows:
        columns["time"].kind = "time"
    return Table(columns, len(rows))


def _titles(metrics: Metrics, taken: set[str], patterns: Sequence[str]) -> dict[str, str]:
    """What is wanted of a run's columns, each with its title in a table where these are ``taken``."""
    steps = {"time", *map(axis_title, metrics.axes)}
    found = {}
    for name in metrics.columns:
        metric = name if name in metrics.names else name.removeprefix("metrics.")
        if name in steps:
            found[name] = axis_title(name, "run")
        elif asked.fitting([metric], patterns):
            found[name] = f"metrics.{name}" if name in taken else name
    return found


def _axes(runs: Runs) -> list[str]:
    """Their columns in a table of runs."""
    return list(dict.fromkeys(axis_title(axis_title(axis), "run") for run in runs for axis in run.metrics.axes))


def _between(table: Tabular, between: tuple[int, int], axes: Sequence[str]) -> Table:
    """The rows whose step, on whichever of the ``axes`` they are, is from the first to the last."""
    first, last = between
    steps = [list(table.column(axis)) for axis in axes if axis in table]
    rows = [
        i
        for i, row in enumerate(zip(*steps, strict=True))
        if any(step is not None and first <= step <= last for step in row)
    ]
    return Table({name: table.column(name).only(rows) for name in table.columns}, len(rows))


def _write_text(table: Tabular, kind: str, file: TextIO) -> None:
    with contextlib.redirect_stdout(file):
        if kind == "csv":
            print_csv(table.columns, [list(row.values()) for row in table.rows()])
        elif kind == "json":
            print_json({name: value for name, value in row.items() if value is not None} for row in table.rows())
        else:
            for row in table.rows():
                click.echo(json_of({name: value for name, value in row.items() if value is not None}))


def _write_parquet(table: Tabular, output: str | None) -> None:
    if output is None:
        raise click.UsageError("Parquet needs a file: -o x.parquet")
    with _replacing(output) as path:
        try:
            _parquet(table, path)
        except ImportError:
            raise click.ClickException(
                "Parquet needs pyarrow or polars: pip install pyarrow; or choose x.csv"
            ) from None


def _parquet(table: Tabular, path: str) -> None:
    try:
        from pyarrow import parquet
    except ImportError:
        table.to_polars().write_parquet(path)
        return
    parquet.write_table(table.to_arrow(), path, compression="zstd")


@contextlib.contextmanager
def _replacing(output: str) -> Iterator[str]:
    """A file that takes the place of ``output`` when it is whole; a device or a pipe, as /dev/stdout, has none."""
    try:
        if os.path.exists(output) and not os.path.isfile(output):
            yield output
            return
        descriptor, path = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(output)), prefix=".export-")
        os.close(descriptor)
        try:
            yield path
            os.replace(path, output)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
    except OSError as error:
        raise asked.failure(f"{output} cannot be written", error, "choose another -o") from error
