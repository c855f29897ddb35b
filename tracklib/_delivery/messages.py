"""What passes between a training process and its companion: lines of JSON, and nothing that waits for an answer."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from .._journal.records import Begin
from .standing import Standing

M = TypeVar("M")


class Open(msgspec.Struct, tag_field="kind", tag="open"):
    """Deliver the journal to a tracker of this type and these options. ``key`` names the delivery from now on."""

    key: int
    type: str
    options: dict[str, Any]
    name: str
    directory: str
    journal: str
    begin: Begin
    config: str


class Wake(msgspec.Struct, tag_field="kind", tag="wake"):
    """Somebody waits; ``hurry``: the run is over. The report that answers it tells ``number``."""

    key: int
    number: int
    hurry: bool


class Leave(msgspec.Struct, tag_field="kind", tag="leave"):
    """Nobody waits any more. ``later``: go on by yourself, as the run's lock is given away."""

    key: int
    later: bool


class Report(msgspec.Struct, tag_field="kind", tag="report"):
    """How a delivery stands, sent whenever that changed; ``answered`` is the last :class:`Wake` that a try followed."""

    key: int
    standing: Standing = Standing.CONNECTING
    offset: int = 0
    records: int = 0
    within: int = 0
    trouble: str = ""
    refusal: str = ""
    rejected: int = 0
    aside: int = 0
    damaged: int = 0
    location: str = ""
    state: dict[str, str] = {}
    work: float = 0.0
    answered: int = 0


class Gone(msgspec.Struct, tag_field="kind", tag="gone"):
    """Nothing more of the delivery comes into the run's directory."""

    key: int


class Said(msgspec.Struct, tag_field="kind", tag="said"):
    """A line for the log."""

    level: int
    text: str


class Bye(msgspec.Struct, tag_field="kind", tag="bye"):
    """The companion ends by itself: it has had nothing to do for a while."""


ToCompanion = Open | Wake | Leave
ToOwner = Report | Gone | Said | Bye


def line(message: msgspec.Struct | dict[str, Any]) -> bytes:
    """One line. The standard library's JSON: paths may hold what UTF-8 cannot, and configs an infinity."""
    return json.dumps(msgspec.to_builtins(message)).encode() + b"\n"


def read(text: bytes, kind: type[M]) -> M:
    """The message of a line."""
    return msgspec.convert(json.loads(text), kind)
