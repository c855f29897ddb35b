"""Many runs of one process, each with its own thread: ``many_runs.py URI FOLDER FIRST RUNS SECONDS``.

Prints as JSON how long each run took to be left.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import warnings
from pathlib import Path

from tracklib import tracking

EVERY = 0.1


def train(uri: str, directory: Path, seconds: float, took: list[float]) -> None:
    block = tracking(
        [{"type": "Mlflow", "tracking_uri": uri, "experiment_name": "many"}],
        output_run=directory, environment=False, quiet=True,
    )  # fmt: skip
    with block as t:
        until = time.monotonic() + seconds
        step = 0
        while time.monotonic() < until:
            t.log(step, {"loss": 1 / (step + 1), "step": step})
            step += 1
            time.sleep(EVERY)
        t.log_params({"steps": step})
        begun = time.monotonic()
    took.append(time.monotonic() - begun)


def main(uri: str, folder: Path, first: int, runs: int, seconds: float) -> None:
    warnings.simplefilter("ignore")
    took: list[float] = []
    threads = [
        threading.Thread(target=train, args=(uri, folder / f"run-{first + number}", seconds, took))
        for number in range(runs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump(took, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
