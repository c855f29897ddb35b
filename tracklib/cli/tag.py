"""``tracklib tag``."""

from __future__ import annotations

import click

from .._journal.records import Tags
from .._values.arguments import as_tags
from . import asked
from .completing import RunName
from .form import Form, form_options
from .saying import say_in


@click.command()
@click.argument("name", metavar="RUN", type=RunName())
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
@asked.root_option
@form_options()
def command(name: str, tags: tuple[str, ...], root: str, form: Form) -> None:
    """Tag a run, whether it goes on or has ended: each TAG is a word, or NAME=VALUE.

    They are in the run's journal; `tracklib sync` delivers them to the run's trackers, of a run that goes on the run
    itself. A later value of a name takes the earlier one's place.
    """
    parted = [tag.partition("=") for tag in tags]
    if not all(tag for tag, _, _ in parted):
        raise click.UsageError("a tag needs a name: write WORD, or NAME=VALUE")
    said = Tags(time=0, tags=as_tags({tag: value for tag, _, value in parted}))
    say_in(asked.one_run(name, root), said, "tagged", form)
