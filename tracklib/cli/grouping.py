"""Groups of runs, as over seeds: the mean and the deviation of each metric."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..reading.names import value_of
from ..reading.run import Run
from ..reading.words import number
from .columns import apart_from_others, heading_of, measured
from .form import Form
from .tables import Heading, print_csv, print_json, print_markdown, print_table, terminal_width
from .words import shown


class Spread(NamedTuple):
    """Of several runs' values: the deviation is of the sample, and none of a single one."""

    mean: float
    deviation: float | None

    def __str__(self) -> str:
        return number(self.mean) if self.deviation is None else f"{number(self.mean)} ± {number(self.deviation, 3)}"


def print_groups(runs: Sequence[Run], by: str, form: Form) -> None:
    """One line for each value of ``by``; the largest group first."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(shown(value_of(run, by)) or "none", []).append(run)
    metrics = [apart_from_others(metric, runs) for metric in measured(runs)]
    rows: list[list[Any]] = [
        [name, len(members), *(_spread(members, metric) for metric in metrics)] for name, members in groups.items()
    ]
    rows.sort(key=lambda row: -row[1])
    if form == "json":
        return print_json(_object(by, metrics, row) for row in rows)
    if form == "csv":
        titles = [by, "runs", *(title for metric in metrics for title in (metric, f"{metric} deviation"))]
        return print_csv(
            titles, [[*row[:2], *(part for spread in row[2:] for part in (spread or (None, None)))] for row in rows]
        )
    headings = [
        Heading(by, by, is_left=True),
        Heading("RUNS", "runs"),
        *(Heading(heading_of(metric).title, metric, show=_told) for metric in metrics),
    ]
    if form == "md":
        return print_markdown(headings, rows)
    print_table(headings, rows, most=terminal_width())
    return None


def _told(spread: Spread | None) -> str:
    return "" if spread is None else str(spread)


def _spread(runs: Sequence[Run], metric: str) -> Spread | None:
    values = [value for run in runs if isinstance(value := value_of(run, metric), int | float) and value - value == 0]
    if not values:
        return None
    scale = 2.0**512 if max(map(abs, values)) > 2.0**500 else 1.0  # a sum of the greatest numbers is none
    scaled = [value / scale for value in values]
    deviation = statistics.stdev(scaled) * scale if len(values) > 1 else None  # infinite where there is no such number
    return Spread(statistics.fmean(scaled) * scale, deviation)


def _object(by: str, metrics: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    told = {
        metric: spread and {"mean": spread.mean, "deviation": spread.deviation}
        for metric, spread in zip(metrics, row[2:], strict=True)
    }
    return {by: row[0], "runs": row[1], "metrics": told}
