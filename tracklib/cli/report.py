"""``tracklib report``."""

from __future__ import annotations

import os
import time
import webbrowser
from collections.abc import Sequence

import click

from .._journal import layout
from ..reading.collection import Runs
from ..reading.report import report
from . import asked
from .completing import RunName
from .form import Form, form_options, print_one
from .trackers import as_told
from .words import many, plain, size

_SECONDS = 5.0


@click.command()
@click.argument("places", nargs=-1, metavar="[ROOT|RUN]...", type=RunName())
@asked.root_option
@asked.where_option
@asked.steps_option
@asked.output_option("The file; else report.html in ROOT, or here where runs are named.")
@click.option("--title", default="", help="What stands over the page.")
@click.option("--all", "inner", is_flag=True, help="Also the children of runs, and the previous ones.")
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@click.option("--follow", is_flag=True, help="Write it anew while runs go on; the open page follows.")
@click.option("--every", type=click.FloatRange(0.2), default=_SECONDS, show_default=True, help="Seconds between two.")
@form_options()
def command(
    places: tuple[str, ...],
    root: str,
    where: str | None,
    steps: tuple[int, int] | None,
    output: str | None,
    title: str,
    inner: bool,
    is_opened: bool,
    follow: bool,
    every: float,
    form: Form,
) -> None:
    """Write one HTML file that shows the runs: it needs no server and no network, and can be sent to anyone."""
    runs = asked.several(places, root, where, inner=inner)
    if steps and not _have(runs, steps):
        raise asked.NotFound(f"{many(len(runs), 'run')} without a point at these steps")
    path = output or _place(places, root)
    written = _written(runs, path, title, every if follow else None, steps)
    if form:
        print_one(form, {"path": written, "runs": len(runs), "bytes": os.path.getsize(written)})
    else:
        click.echo(f"{plain(written)}: {many(len(runs), 'run')}, {size(os.path.getsize(written))}")
    if is_opened:
        webbrowser.open(f"file://{written}")
    while follow and any(run.is_live for run in runs):
        time.sleep(every)
        runs = asked.several(places, root, where, inner=inner)
        goes_on = any(run.is_live for run in runs)
        _written(runs, path, title, every if goes_on else None, steps)  # the last one no longer reads itself


def _place(places: Sequence[str], root: str) -> str:
    """Beside the runs, where a root is meant; never in a run's own directory."""
    folder = places[0] if len(places) == 1 else root if not places else ""
    is_root = os.path.isdir(folder) and not os.path.exists(layout.journal_path(folder))
    return os.path.join(folder, "report.html") if is_root else "report.html"


def _have(runs: Runs, steps: tuple[int, int]) -> bool:
    return any(len(run.metrics.series(name, axis).between(*steps)) for run in runs for axis, name in run.series)


def _written(runs: Runs, path: str, title: str, follow: float | None, steps: tuple[int, int] | None) -> str:
    try:
        return report(runs, path, title=title, follow=follow, steps=steps, trackers=as_told)
    except FileExistsError as error:
        raise click.ClickException(plain(str(error))) from error
    except OSError as error:
        raise asked.failure(f"{path} cannot be written", error, "choose another place with -o") from error
