"""``tracklib import``."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import click

from .._common.files import checked_file_name, checksum, copy_whole, make_folder, placed
from .._common.secrets import redact
from .._journal import layout
from .._journal.directory import owned, slug
from .._journal.format import FORMAT
from .._journal.journal import Journal
from .._journal.records import Artifact, Begin, End, Log, Note, Params, Tags
from .._values.arguments import as_note
from ..errors import RunDirectoryError
from ..trackers._foreign import Foreign
from . import asked
from .completing import AnyPath, RunPath
from .form import Form, form_options, print_rows
from .words import many, plain

_SOURCES = ("csv", "tensorboard", "wandb", "mlflow")
_FIELDS = ["directory", "name", "uid", "imported"]


@click.command("import")
@click.argument("source", type=click.Choice(_SOURCES))
@click.argument("places", nargs=-1, required=True, metavar="PLACE...", type=AnyPath())
@click.option("--root", default=asked.ROOT, show_default=True, type=RunPath(), help="Where the runs go.")
@click.option("--tracking-uri", metavar="URI", help="MLflow's server or store.")
@form_options()
def command(source: str, places: tuple[str, ...], root: str, tracking_uri: str | None, form: Form) -> None:
    """Make ordinary runs of what another tracker has, so that the report and `sync --to` work for it.

    PLACE is a CSV file; a folder of TensorBoard's event files; W&B's offline file or a folder of them; the name of an
    experiment at MLflow. What it was is not changed. A run that is there already is left as it is.
    """
    found: list[dict[str, Any]] = []
    for place in places:
        try:
            for run in _runs_in(source, place, tracking_uri):
                directory, is_new = _made(run, root, source)
                found.append({"directory": directory, "name": run.name, "uid": run.uid, "imported": is_new})
                if is_new and not form:
                    click.echo(f"{plain(directory)}  {plain(run.name)}")
        except ImportError as error:
            raise click.ClickException(
                f"{source} is not installed ({error}): pip install 'tracklib-ml[{source}]'"
            ) from error
        except (OSError, LookupError, ValueError) as error:
            raise click.ClickException(plain(f"{place} cannot be imported: {error}")) from error
    if not found:
        raise asked.NotFound(f"{source} has no run in {' '.join(map(plain, places))}")
    if form:
        return print_rows(form, _FIELDS, found)
    made = sum(each["imported"] for each in found)
    left = len(found) - made
    return click.echo(f"{many(made, 'run')} imported" + (f", {left} there already" if left else ""))


def _runs_in(source: str, place: str, tracking_uri: str | None) -> Iterator[Foreign]:
    """Each source's package is imported when it is asked for."""
    module: Any = import_module(f"tracklib.trackers._{source}_history")
    if source == "mlflow":
        yield from module.runs_in(place, tracking_uri)
        return
    if not os.path.exists(place):
        raise FileNotFoundError("there is no such file or folder")
    yield from module.runs_in(place)


def _made(run: Foreign, root: str, source: str) -> tuple[str, bool]:
    """The directory of the run, and whether it was made now: else it was there already."""
    directory = os.path.join(root, f"{slug(run.name)}-{run.uid[:6]}")
    if os.path.lexists(layout.journal_path(directory)):
        return directory, False
    with owned(directory):
        begun = layout.journal_path(directory) + ".part"  # a part of a run would be taken for all of it the next time
        with contextlib.suppress(FileNotFoundError):
            os.unlink(begun)
        journal = Journal(begun, _refuse)
        try:
            _write(run, journal, source, os.path.join(directory, layout.ARTIFACTS))
        finally:
            journal.let_go()
        os.replace(begun, layout.journal_path(directory))
    return directory, True


def _write(run: Foreign, journal: Journal, source: str, folder: str) -> None:
    """Its records, in order of time: none may be before the one before it."""
    time = run.began
    journal.append(
        Begin(
            time=time,
            format=FORMAT,
            uid=run.uid,
            attempt=1,
            name=run.name,
            pid=0,
            host=socket.gethostname(),
            configs=[],
        )
    )
    if run.params:
        journal.append(Params(time=time, params=redact(run.params)))
    journal.append(Tags(time=time, tags={"imported": source, **redact(run.tags)}))
    for point in run.points:
        time = max(time, point.time)
        if point.metrics:
            journal.append(Log(time=time, axis=point.axis, step=point.step, metrics=point.metrics))
    if run.note.strip():
        journal.append(Note(time=time, text=as_note(run.note)))
    for name, place in run.artifacts:
        journal.append(_kept(name, place, folder, time))
    if run.status is not None:
        journal.append(End(time=time, status=run.status))
    journal.sync()


def _kept(name: str, place: str, folder: str, time: int) -> Artifact:
    name = checked_file_name(name)
    make_folder(folder)
    copy = os.path.join(folder, name)
    with placed(copy) as new:
        copy_whole(place, new)
    return Artifact(time=time, name=name, sha256=checksum(copy))


def _refuse(trouble: str) -> None:
    raise RunDirectoryError(trouble)
