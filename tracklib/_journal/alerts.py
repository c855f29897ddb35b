"""What a run's alerts said, and to whom: ``alerts.jsonl``, a line for each step on the way."""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from .._common.files import content_of
from .._common.open_file import open_made
from . import layout

How = Literal["sending", "failed", "sent", "unknown"]


class Alerted(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that was told ``to`` somebody.

    ``id`` is the event's within the run, ``event`` its kind, ``time`` when it was told, in milliseconds since 1970.
    ``how`` is where that stands: what stays ``"sending"``, as its process died, and what is ``"unknown"`` may have
    arrived or not, and is not told again; what ``"failed"`` did not arrive, and is.
    """

    id: str
    event: str
    text: str
    to: str
    time: int
    how: How
    why: str = ""


def keep(directory: str, alerted: Alerted) -> None:
    """Add a line.

    Raises:
        OSError: the disk refuses.
    """
    fd = open_made(_path(directory), os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, msgspec.json.encode(alerted) + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def alerts_in(directory: str) -> list[Alerted]:
    """The newest of each event and receiver, in the order of the events; none where the file cannot be read."""
    found: dict[tuple[str, str], Alerted] = {}
    for line in (content_of(_path(directory)) or b"").splitlines():
        try:
            alerted = msgspec.json.decode(line, type=Alerted)
        except (msgspec.MsgspecError, UnicodeDecodeError):  # a line that was cut off
            continue
        found[alerted.id, alerted.to] = alerted
    return list(found.values())


def _path(directory: str) -> str:
    return os.path.join(directory, layout.ALERTS)
