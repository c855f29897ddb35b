"""What did not arrive, in words, with the command that delivers it."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Sequence

from ._delivery import Delivery, Standing
from ._journal import Journal


def what_is_left(deliveries: Sequence[Delivery], journal: Journal, uid: str) -> str:
    """One line for each trouble; empty where everything arrived."""
    directory = os.path.dirname(journal.path)
    lines = [_left_of(delivery) for delivery in deliveries if delivery.standing is not Standing.DONE]
    if lines:
        command = f"tracklib sync {shlex.quote(directory)}"
        lines.append(f"Everything is kept in {journal.path}; deliver what is left with: {command}")
    lines += [_refused_by(delivery, directory) for delivery in deliveries if delivery.rejected]
    if journal.waiting or journal.lost:
        lines.append(_spill(journal, uid))
    return "\n".join(lines)


def _left_of(delivery: Delivery) -> str:
    missing = delivery.missing
    what = f"{_count(missing)} not delivered" if missing else "the run's end is not told"
    silent = "no answer while connecting" if delivery.standing is Standing.CONNECTING else "no answer in time"
    trouble = delivery.trouble or silent
    return f"{delivery.name}: {what} ({trouble})."


def _refused_by(delivery: Delivery, directory: str) -> str:
    reason = delivery.refusal or "in an earlier attempt"
    return f"{delivery.name} refused {_count(delivery.rejected)} ({reason}): see rejected.jsonl in {directory}"


def _count(records: int) -> str:
    return f"{records} record{'s' if records != 1 else ''}"


def _spill(journal: Journal, uid: str) -> str:
    path = os.path.join(tempfile.gettempdir(), f"tracklib-{uid}.jsonl")
    try:
        journal.spill(path)
    except OSError as error:
        path = f"nowhere ({error})"
    return f"The disk did not take {journal.waiting} records, which are in {path}; {journal.lost} more were lost"
