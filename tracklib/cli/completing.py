"""Completion of runs' and metrics' names in the shell."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from .._journal import layout
from ..errors import TracklibError
from ..reading.collection import Runs
from ..reading.finding import runs
from ..reading.names import known_names
from ..reading.run import Run

_MOST = 500

if TYPE_CHECKING:
    _Text = click.ParamType[str]
else:  # it takes no type before click 8.5
    _Text = click.ParamType


class RunPath(_Text):
    """A run by its path, or a folder of runs."""

    name = "directory"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """An empty word is a variable of a shell that is not set: below a root it would mean all of its runs."""
        return value or self.fail("it is empty: name a run, or a folder of runs", param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Paths, which are the shell's to know."""
        return [CompletionItem(incomplete, type="dir")]


class RunName(RunPath):
    """A run, by path or by name."""

    name = "run"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of the runs below the root, and paths."""
        return [*_fitting(_run_names(ctx), incomplete), *super().shell_complete(ctx, param, incomplete)]


class AnyPath(_Text):
    """A file or a folder; or what is none."""

    name = "place"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Paths, which are the shell's to know."""
        return [CompletionItem(incomplete, type="file")]


class MetricName(_Text):
    """A metric of one of the runs."""

    name = "metric"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names of the metrics of the runs that were named already, else of all."""
        return _fitting(_metric_names(ctx), incomplete)


class FieldName(MetricName):
    """Whatever a run can be sorted by."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Params, metrics, tags, and what each run has."""
        return _fitting(known_names(_runs(ctx)), incomplete)


def _fitting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """A name that is no single line cannot be handed to a shell."""
    fit = (CompletionItem(name) for name in names if name.startswith(incomplete) and name.isprintable())
    return list(islice(fit, _MOST))


def _root(ctx: click.Context) -> str:
    return str(ctx.params.get("root") or "runs")


def _runs(ctx: click.Context, inner: bool = False) -> Runs:
    try:
        return runs(_root(ctx), inner=inner)
    except TracklibError:
        return Runs([])


def _run_names(ctx: click.Context) -> Iterator[str]:
    """As a command takes them: the path below the root, of a run inside another one its name."""
    for run in _runs(ctx, inner=True):
        path = os.path.relpath(run.directory, _root(ctx))
        if not {layout.CHILDREN, layout.PREVIOUS} & set(path.split(os.sep)):
            yield path if path != "." else run.name
        elif layout.PREVIOUS not in path.split(os.sep):
            yield run.name


def _metric_names(ctx: click.Context) -> list[str]:
    """Of the runs that were named before, by whatever word the command has for them; else of all."""
    named = ctx.params.get("names") or ctx.params.get("places") or ctx.params.get("name") or ()
    words = [named] if isinstance(named, str) else [*named, *ctx.args]  # click leaves them there behind a bare -m
    asked = [run for word in words for run in _meant(ctx, word)]
    return list(dict.fromkeys(name for run in asked or _runs(ctx) for name in run.last))


def _meant(ctx: click.Context, word: str) -> list[Run]:
    """The runs at a path, here or below the root, or of this name."""
    for path in (word, os.path.join(_root(ctx), word)):
        with contextlib.suppress(TracklibError):
            return list(runs(path))
    return [run for run in _runs(ctx, inner=True) if run.name == word]
