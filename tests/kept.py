"""What a run's directory holds, for the tests."""

from __future__ import annotations

import contextlib
import csv
import os
from pathlib import Path
from typing import Any

from tracklib._journal.reader import Reader
from tracklib._journal.records import End


def records(directory: str | Path, kind: Any = object) -> list[Any]:
    """The journal's records, those of ``kind``."""
    with contextlib.closing(Reader(os.path.join(directory, "journal.jsonl"))) as reader:
        return [entry.record for entry in reader.records() if isinstance(entry.record, kind)]


def statuses(directory: str | Path) -> list[str]:
    """How each attempt ended that did."""
    return [end.status.value for end in records(directory, End)]


def rows(directory: str | Path) -> list[dict[str, str]]:
    """The table's rows."""
    with open(os.path.join(directory, "metrics.csv"), newline="") as file:
        return list(csv.DictReader(file))
