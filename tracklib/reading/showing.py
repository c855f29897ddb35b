"""How runs and tables show themselves in a notebook: HTML without a script, all names escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from .attempts import moment
from .drawing import sparkline
from .names import differing_params, shown_metrics, value_of
from .words import duration, number

if TYPE_CHECKING:
    from .collection import Runs
    from .column import Column
    from .run import Run
    from .table import Tabular

_METRICS = 20
_COLUMNS = 8
_ROWS = 50
_EDGE = 10
_COLOURS = {"finished": "#1a7f37", "failed": "#cf222e", "killed": "#9a6700", "preempted": "#9a6700"}


class Picture:
    """Something drawn: a notebook shows it. ``str(picture)`` is its SVG."""

    def __init__(self, svg: str) -> None:
        self._svg = svg

    def __str__(self) -> str:
        return self._svg

    def _repr_html_(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return f"<Picture of {len(self._svg)} characters>"


def run_as_html(run: Run) -> str:
    """A run: how it stands, its params, its metrics with their curves, its artifacts."""
    said = [f"<b>{_text(run.name)}</b>", _status(run.status), f"took {duration(run.took)}"]
    if run.error:
        said.append(_text(f"{run.error}: {run.message}"))
    if run.environment.revision:
        said.append(f"git {_text(run.environment.revision)}")
    parts = [" · ".join(said), f"<small>{_text(run.directory, 200)}</small>"]
    if run.damaged:
        parts.append(f"{run.damaged} damaged lines of the journal were passed over")
    parts.append(_pairs("params", run.flat_params.items()))
    parts.append(_pairs("tags", run.own_tags.items()))
    parts.append(_metrics(run))
    parts.append(_pairs("notes", ((each.told, "") for each in run.notes)))
    parts.append(_pairs("checkpoints", ((each.name, ", ".join(each.aliases)) for each in run.checkpoints)))
    parts.append(_pairs("artifacts", ((name, "") for name in run.artifacts)))
    return f'<div class="tracklib">{"<br>".join(filter(None, parts))}</div>'


def _metrics(run: Run) -> str:
    names = list(run.last)
    rows = []
    for name in names[:_METRICS]:
        best = run.best.get(name)
        cells = [_text(name), number(run.last[name].value), number(best.value if best else None)]
        cells += [str(best.step) if best else "", number(run.min[name].value), number(run.max[name].value)]
        rows.append([*cells, sparkline(run.curve(name))])
    if not rows:
        return ""
    more = f"<br>and {len(names) - _METRICS} more metrics: run.last, run.plot(name)" if len(names) > _METRICS else ""
    return _grid(["metric", "last", "best", "at", "min", "max", ""], rows) + more


def runs_as_html(runs: Runs) -> str:
    """Runs: a row each, with the metrics, and the params that differ."""
    metrics, params = shown_metrics(runs), differing_params(runs)
    shown_params = params[: max(_COLUMNS - len(metrics[:_COLUMNS]), 4)]
    names = [*metrics[:_COLUMNS], *(f"params.{name}" for name in shown_params)]
    heads = ["run", "status", "took", "epoch", *metrics[:_COLUMNS], *shown_params]
    rows = [
        [_text(run.name), _status(run.status), duration(run.took), number(run.epoch)]
        + [_value(value_of(run, name)) for name in names]
        for run in runs[:_ROWS]
    ]
    left_out = [*metrics[_COLUMNS:], *params[len(shown_params) :]]
    notes = [f"{len(runs)} runs"]
    if len(runs) > _ROWS:
        notes.append(f"the first {_ROWS} are shown")
    if left_out:
        notes.append("not shown: " + ", ".join(map(_text, left_out[:20])) + (" ..." if len(left_out) > 20 else ""))
    if runs.unreadable:
        notes.append(f"{len(runs.unreadable)} cannot be read: see .unreadable")
    return (
        f'<div class="tracklib">{_grid([_text(head) for head in heads], rows)}<small>{"; ".join(notes)}</small></div>'
    )


def table_as_html(table: Tabular) -> str:
    """A table: its first and last rows."""
    count = len(table)
    numbers = list(range(count)) if count <= 2 * _EDGE else [*range(_EDGE), *range(count - _EDGE, count)]
    columns = [_some(table.column(name), numbers) for name in table.columns]
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    if len(numbers) < count:
        rows.insert(_EDGE, ["…"] * len(columns))
    note = f"<small>{count:,} rows, {len(columns)} columns</small>"
    return f'<div class="tracklib">{_grid([_text(name) for name in table.columns], rows)}{note}</div>'


def _some(column: Column, rows: Sequence[int]) -> list[str]:
    if column.rows is None:
        values: list[Any] = [column.values[row] for row in rows]
    else:
        wanted = set(rows)
        known = {row: value for row, value in zip(column.rows, column.values, strict=True) if row in wanted}
        values = [known.get(row) for row in rows]
    if column.kind == "time":
        return ["" if value is None else f"{moment(value):%Y-%m-%d %H:%M:%S}" for value in values]
    return [_value(value) for value in values]


def _grid(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th style="text-align:left">{cell}</th>' for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _pairs(title: str, pairs: Iterable[tuple[str, Any]]) -> str:
    said = [f"{_text(name)}&nbsp;<b>{_value(value)}</b>" if value != "" else _text(name) for name, value in pairs]
    more = f" and {len(said) - 100} more" if len(said) > 100 else ""
    return f"<small>{title}</small> " + " &ensp; ".join(said[:100]) + more if said else ""


def _status(status: str) -> str:
    return f'<span style="color:{_COLOURS.get(status, "#2a78d6")}">{_text(status)}</span>'


def _value(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return "" if value is None else _text(str(value))


def _text(text: str, most: int = 100) -> str:
    return escape(text if len(text) <= most else text[: most - 1] + "…")
