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
from . import asked
from .tables import Heading, print_json, print_table
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
@asked.json_option
def command(as_json: bool) -> None:
    """List the trackers that installed packages offer, and import each to see whether it can be used. The exit code is
    1 where one cannot."""
    found = [offer for name, offers in sorted(plug_ins().items()) for offer in _offers(name, offers)]
    if as_json:
        print_json(offer._asdict() for offer in found)
    elif found:
        rows = [
            (o.type, f"{o.distribution} {o.version}", o.path, "no, see below" if o.problem else _USABLE) for o in found
        ]
        print_table(_HEADINGS, rows)
    _tell(found, as_json)
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


def _tell(found: Sequence[Offer], as_json: bool) -> None:
    if as_json:
        return
    for offer in found:
        if offer.problem:
            click.echo(f"{plain(offer.distribution)}: {plain(offer.problem)}")
    off = "" if variables.wants_plug_ins() else " (TRACKLIB_PLUGINS switches them off)"
    click.echo(f"{many(len(found), 'plug-in')}{off}")
