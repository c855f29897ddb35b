"""Write a tracker of your own: here one that keeps a JSON object per line.

Any class that derives from BaseTracker and has ``init`` and ``log`` will do. It may block and it may
raise: neither reaches the training loop.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping

from tracklib import BaseTracker, tracked, tracking


class JsonLines(BaseTracker):
    """Writes ``{"epoch": ..., <metrics>}`` lines, for ``jq`` and its like.

    Args:
        filename: the file in the run's directory.
        output_run: the directory where logs are stored.
    """

    def __init__(self, *, filename: str = "metrics.jsonl", output_run: str | None = None) -> None:
        super().__init__(output_run=output_run)
        self.filename = filename

    def init(self) -> None:
        self.location = os.path.join(self.output_run, self.filename)
        self._file = open(self.location, "a", encoding="utf-8")  # noqa: SIM115  # open until close()

    def log(self, epoch: int, log_dict: Mapping[str, float]) -> None:
        # JSON has no NaN and no infinities.
        metrics = {name: value if math.isfinite(value) else None for name, value in log_dict.items()}
        print(json.dumps({"epoch": epoch, **metrics}), file=self._file, flush=True)

    def close(self) -> None:
        self._file.close()


@tracked
def descend(x: float, epoch: int) -> dict[str, float]:
    """One step of gradient descent on x**2."""
    x -= 0.1 * 2 * x
    return {"x": x, "loss": x**2}


def main() -> None:
    x = 3.0
    with tracking([{"type": "JsonLines"}], output_run="runs/custom_tracker") as t:
        for epoch in range(10):
            x = descend(x, epoch)["x"]

    for tracker in t.loggers:
        print(type(tracker).__name__, tracker.location)


if __name__ == "__main__":
    main()
