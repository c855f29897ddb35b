"""What the tracker claims, proved by tracklib's own checks."""

from __future__ import annotations

import json
from pathlib import Path

from shelf_tracklib import Shelf

from tracklib.testing import TrackerTests


class TestShelf(TrackerTests):
    kind = Shelf
    keeps = {"nan", "steps"}

    def read_metrics(self, directory: str) -> list[tuple[str, int, str, float]]:
        rows = map(json.loads, Path(directory, "shelf.jsonl").read_text().splitlines())
        return [("epoch", step, name, value) for step, row in rows for name, value in row.items()]
