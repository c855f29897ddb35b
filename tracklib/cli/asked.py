"""Which runs a command is about: by path, by name, by the beginning of the uid; and what all commands can be asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click

from .._common.patterns import fits
from .._journal import layout
from ..errors import RunDirectoryError, WhereError
from ..reading.collection import Runs
from ..reading.finding import load, runs
from ..reading.run import Run
from .completing import MetricName, RunName, RunPath
from .words import many, plain

ROOT = "runs"
F = TypeVar("F", bound=Callable[..., Any])


class NotFound(click.ClickException):
    """There is no such run, or none is left: exit code 1."""

    exit_code = 1


def run_arguments(required: bool = False) -> Callable[[F], F]:
    """The arguments RUN..."""
    return click.argument("names", nargs=-1, metavar="[RUN]...", required=required, type=RunName())


root_option = click.option(
    "--root",
    default=ROOT,
    show_default=True,
    type=RunPath(),  # which is looked at when it is needed: a run may be named by its path
    help="Where names of runs are looked for.",
)
where_option = click.option(
    "--where", metavar="CONDITION", help="Only those that meet it, as 'val/loss < 0.3 and optimizer = adam'."
)
metrics_option = click.option(
    "-m",
    "--metrics",
    multiple=True,
    metavar="NAME",
    type=MetricName(),
    help="Only these metrics; '*' stands for anything.",
)


def _as_steps(context: click.Context, option: click.Parameter, text: str | None) -> tuple[int, int] | None:
    try:
        first, last = (text or ":").split(":")
        steps = int(first) if first else _LEAST_STEP, int(last) if last else _GREATEST_STEP
    except ValueError:
        raise click.BadParameter(f"{text!r} is not two whole numbers, as 40000:50000", param_hint="--steps") from None
    return steps if text is not None else None


_LEAST_STEP, _GREATEST_STEP = -(2**63), 2**63 - 1
steps_option = click.option("--steps", metavar="A:B", callback=_as_steps, help="Only steps from A to B.")


def fitting(names: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """The metrics that --metrics means: all, where it was not given."""
    return [name for name in names if not patterns or any(fits(name, pattern) for pattern in patterns)]


def output_option(what: str) -> Callable[[F], F]:
    """The option -o FILE."""
    return click.option("-o", "--output", type=click.Path(dir_okay=False), help=what)


def failure(what: str, error: OSError, mend: str) -> click.ClickException:
    """What to raise where the system refuses ``what``, as "x.csv cannot be written"."""
    return click.ClickException(f"{plain(what)} ({error.strerror or error}): {mend}")


def one_run(name: str | None, root: str) -> Run:
    """The run that is meant; without a name the newest below ``root``.

    Raises:
        NotFound: there is none.
    """
    if name is not None:
        found = _named(name, root)
        if len(found) != 1:
            raise NotFound(
                f"{plain(name)} holds {many(len(found), 'run')}: name one of them"
                if found
                else f"{plain(name)} holds no run"
            )
        return found[0]
    every = all_runs(root)
    if not every:
        raise NotFound(f"there is no run in {root}/: name one, or another --root")
    return max(every, key=lambda run: run.began)


def several(
    names: Iterable[str], root: str, where: str | None = None, sort: str | None = None, inner: bool = False
) -> Runs:
    """The runs that are meant, each once; without names all below ``root``. Those that cannot be read are told of.

    Raises:
        NotFound: one is not there, none can be read, or none is left.
    """
    found = readable_or_not(names, root, inner)
    if not found:
        raise NotFound("no run is left: none of them can be read")
    if where:
        found = filtered(found, where)
    return found.sorted_by(sort) if sort else found


def readable_or_not(names: Iterable[str], root: str, inner: bool = False) -> Runs:
    """The runs that are meant, each once; those that cannot be read are told of, and in ``unreadable``: all may be.

    Raises:
        NotFound: one is not there.
    """
    asked = list(names)
    found = _together([_named(name, root, inner) for name in asked]) if asked else all_runs(root, inner)
    if not found and not found.unreadable:
        raise NotFound(f"there is no run in {' '.join(map(plain, asked)) or root}")
    return found


def filtered(found: Runs, where: str) -> Runs:
    """Those of ``found`` that meet the condition.

    Raises:
        NotFound: none does.
        click.BadParameter: it cannot be understood.
    """
    try:
        left = found.where(where)
    except WhereError as error:
        raise click.BadParameter(str(error), param_hint="--where") from error
    if not left:
        raise NotFound(f"none of {many(len(found), 'run')} meets: {plain(where)}")
    return left


def all_runs(root: str, inner: bool = False) -> Runs:
    """All runs below ``root``; on stderr what cannot be read."""
    if not os.path.isdir(root):
        raise NotFound(f"there is no directory {plain(root)}: name runs by their paths, or another --root")
    try:
        found = runs(root, inner=inner)
    except RunDirectoryError as error:
        raise NotFound(str(error)) from error
    for problem in found.unreadable.values():
        click.echo(plain(problem), err=True)
    return found


def _named(name: str, root: str, inner: bool = False) -> Runs:
    for path in map(layout.run_of, (name, os.path.join(root, name))):
        if os.path.isdir(path):
            is_run = os.path.exists(layout.journal_path(path))
            return Runs([_loaded(path)]) if is_run and not inner else all_runs(path, inner)
    if not os.path.isdir(root):
        raise NotFound(f"no run {plain(name)}: there is no such directory, and no {root}/ to look into")
    try:
        return Runs([runs(root, inner=True)[name]])
    except KeyError as error:
        raise NotFound(f"{plain(str(error.args[0]))} in {root}/") from error


def _loaded(path: str) -> Run:
    try:
        return load(path)
    except RunDirectoryError as error:
        raise NotFound(plain(str(error))) from error


def _together(parts: Sequence[Runs]) -> Runs:
    """Each run once."""
    unreadable = {directory: why for runs in parts for directory, why in runs.unreadable.items()}
    return Runs({run.directory: run for runs in parts for run in runs}.values(), unreadable)
