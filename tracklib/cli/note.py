"""``tracklib note``."""

from __future__ import annotations

import click

from .._journal.records import Note
from .._values.arguments import as_note
from . import asked
from .completing import RunName
from .form import Form, form_options
from .saying import say_in


@click.command()
@click.argument("name", metavar="RUN", type=RunName())
@click.argument("text")
@click.option("--epoch", type=int, help="The epoch that it is about: a marker there on the page's charts.")
@asked.root_option
@form_options()
def command(name: str, text: str, epoch: int | None, root: str, form: Form) -> None:
    """Write a note about a run, whether it goes on or has ended.

    It is in the run's journal; `tracklib sync` delivers it to the run's trackers, of a run that goes on the run itself.
    """
    try:
        said = as_note(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    say_in(asked.one_run(name, root), Note(time=0, text=said, step=epoch), "noted", form)
