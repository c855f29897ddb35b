"""Completion of runs' and metrics' names in the shell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..errors import TracklibError
from ..reading.finding import runs
from ..reading.names import known_names

_MOST = 500

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:  # it takes no type before click 8.5
    _Text = click.ParamType


class RunName(_Text):
    """A run, by path or by name."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of the runs below the root, and paths."""
        names = [name for name in _run_names(ctx) if name.startswith(incomplete)]
        return [*map(CompletionItem, names[:_MOST]), CompletionItem(incomplete, type="dir")]


class MetricName(_Text):
    """A metric of one of the runs."""

    name = "metric"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of the metrics of the runs that were named already, else of all."""
        return [CompletionItem(name) for name in _metric_names(ctx) if name.startswith(incomplete)][:_MOST]


class FieldName(MetricName):
    """Whatever a run can be sorted by."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Params, metrics, tags, and what each run has."""
        return [CompletionItem(name) for name in known_names(_runs(ctx)) if name.startswith(incomplete)][:_MOST]


def _runs(ctx: click.Context) -> Any:
    root = str(ctx.params.get("root") or "runs")
    try:
        return runs(root)
    except TracklibError:
        return []


def _run_names(ctx: click.Context) -> Iterator[str]:
    root = str(ctx.params.get("root") or "runs")
    for run in _runs(ctx):
        path = os.path.relpath(run.directory, root)
        yield path if path != "." else run.name


def _metric_names(ctx: click.Context) -> list[str]:
    named = {os.path.basename(os.path.normpath(name)) for name in ctx.params.get("names") or ()}
    every = list(_runs(ctx))
    asked = [run for run in every if {run.name, os.path.basename(run.directory)} & named]
    return list(dict.fromkeys(name for run in asked or every for name in run.last))
