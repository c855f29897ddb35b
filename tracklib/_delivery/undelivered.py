"""What did not arrive, in words, with the command that delivers it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from .._journal.journal import Journal
from .._journal.spill import remember, spill_path
from .delivering import Delivering
from .standing import Standing


def what_is_left(deliveries: Sequence[Delivering], journal: Journal, uid: str) -> str:
    """One line for each trouble; empty where everything arrived."""
    directory = os.path.dirname(journal.place)
    size = journal.size
    left = [
        delivery
        for delivery in deliveries
        if not delivery.goes_on and (delivery.standing is not Standing.DONE or delivery.offset < size)
    ]
    lines = [_left_of(delivery) for delivery in left]
    if lines:
        command = f"tracklib sync {shlex.quote(directory)}"
        lines.append(f"Everything is kept in {journal.place}; deliver what is left with: {command}")
        if any(delivery.tracker.requires and not delivery.tracker.location for delivery in left):  # never reached
            lines.append(f"Where an address is wrong, send the run to the right one with: {command} --to CONFIG")
    lines += [_refused_by(delivery, os.path.dirname(journal.path)) for delivery in deliveries if delivery.rejected]
    if journal.waiting or journal.lost:
        lines.append(_spill(journal, uid))
    return "\n".join(lines)


def _left_of(delivery: Delivering) -> str:
    missing = delivery.missing
    what = f"{_count(missing)} not delivered" if missing else "the run's end is not told"
    return f"{delivery.name}: {what} ({delivery.trouble or _SILENT.get(delivery.standing, 'no answer in time')})."


_SILENT = {
    Standing.CONNECTING: "no answer while connecting",
    Standing.DONE: "logged by another process when this one had ended the run",
}


def _refused_by(delivery: Delivering, directory: str) -> str:
    reason = delivery.refusal or "in an earlier attempt"
    return (
        f"{delivery.name} refused {_count(delivery.rejected)} ({reason}): see rejected.jsonl in {directory}; "
        f"once what is wrong is mended, send it once more with: tracklib sync --retry-rejected {shlex.quote(directory)}"
    )


def _count(records: int) -> str:
    return f"{records} record{'s' if records != 1 else ''}"


def _spill(journal: Journal, uid: str) -> str:
    waiting = journal.waiting
    try:
        path = spill_path(uid)
        journal.spill(path)
        remember(os.path.dirname(journal.place), uid)
    except OSError as error:
        lost = waiting + journal.lost
        return f"The disk did not take {_count(lost)}, and no other place did ({error}): they are lost"
    return (
        f"The disk did not take {_count(waiting)}, kept in {path}, from where `tracklib sync` takes them; "
        f"{journal.lost} more were lost"
    )
