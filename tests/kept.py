"""What a run's directory holds, for the tests."""

from __future__ import annotations

import contextlib
import csv
import os
from pathlib import Path
from typing import Any

from tracklib import Status, Trackers
from tracklib._journal.reader import Reader
from tracklib._journal.records import End, Log


def records(run: str | Path | Trackers, kind: Any = object) -> list[Any]:
    """The journal's records, those of ``kind``; of a run, or in its directory."""
    directory = run.directory if isinstance(run, Trackers) else run
    with contextlib.closing(Reader(os.path.join(directory, "journal.jsonl"))) as reader:
        return [entry.record for entry in reader.records() if isinstance(entry.record, kind)]


def logged(run: str | Path | Trackers) -> list[tuple[int, dict[str, float]]]:
    """What was logged, as (step, metrics)."""
    return [(log.step, log.metrics) for log in records(run, Log)]


def ends(run: str | Path | Trackers) -> list[Status]:
    """How each attempt ended that did."""
    return [end.status for end in records(run, End)]


def statuses(run: str | Path | Trackers) -> list[str]:
    """The same, as words."""
    return [status.value for status in ends(run)]


def rows(directory: str | Path) -> list[dict[str, str]]:
    """The table's rows."""
    with open(os.path.join(directory, "metrics.csv"), newline="") as file:
        return list(csv.DictReader(file))
