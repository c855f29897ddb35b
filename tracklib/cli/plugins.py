"""``tracklib plugins``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from .._common import variables
from ..trackers._identity import BUILT_IN
from ..trackers._kinds import Problem, load_plug_in
from ..trackers._plug_ins import PlugIn, plug_ins
from .form import Form, form_options, print_rows
from .tables import Heading, print_table
from .words import many, plain


class Offer(NamedTuple):
    """What one distribution offers, and why it cannot be used, if so."""

    type: str
    distribution: str
    version: str
    path: str
    problem: str


_USABLE = "can be used"
_HEADINGS = [
    Heading("TYPE", "type", is_left=True),
    Heading("FROM", "distribution", is_left=True),
    Heading("CLASS", "path", is_left=True),
    Heading("STANDING", "standing", is_left=True, style=lambda value: {} if value == _USABLE else {"fg": "red"}),
]


@click.command()
@form_options()
def command(form: Form) -> None:
    """List the trackers that installed packages offer, and import each to see whether it can be used. The exit code is
    1 where one cannot."""
    found = [offer for name, offers in sorted(plug_ins().items()) for offer in _offers(name, offers)]
    if form:
        print_rows(form, Offer._fields, [offer._asdict() for offer in found])
    elif found:
        rows = [
            (o.type, f"{o.distribution} {o.version}", o.path, "no, see below" if o.problem else _USABLE) for o in found
        ]
        print_table(_HEADINGS, rows)
    if not form:
        _tell(found)
    sys.exit(any(offer.problem for offer in found))


def _offers(name: str, offers: Sequence[PlugIn]) -> Iterator[Offer]:
    for each in offers:
        others = [other.source for other in offers if other is not each]
        yield Offer(name, each.distribution, each.version, each.path, _problem(each, others))


def _problem(plug_in: PlugIn, others: Sequence[str]) -> str:
    if plug_in.name in BUILT_IN:
        return f"hidden by tracklib's own {plug_in.name}: write 'type': {plug_in.path!r}"
    try:
        load_plug_in(plug_in)
    except Problem as problem:
        return "; ".join(problem.args)
    return f"also offered by {' and '.join(others)}: write 'type': {plug_in.path!r}" if others else ""


def _tell(found: Sequence[Offer]) -> None:
    for offer in found:
        if offer.problem:
            click.echo(f"{plain(offer.distribution)}: {plain(offer.problem)}")
    off = "" if variables.wants_plug_ins() else " (TRACKLIB_PLUGINS switches them off)"
    click.echo(f"{many(len(found), 'plug-in')}{off}")
