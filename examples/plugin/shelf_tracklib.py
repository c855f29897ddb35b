"""A tracker that keeps its rows in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tracklib import BaseTracker


class Shelf(BaseTracker):
    contract = 1

    def init(self) -> None:
        self.path = f"{self.output_run}/shelf.jsonl"

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        with open(self.path, "a") as file:
            print(json.dumps([epoch, dict(log_dict)]), file=file)
