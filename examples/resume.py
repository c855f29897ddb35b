"""A job that is killed in the middle goes on where it was, as one run.

Start it twice: the first time it kills itself, as a cluster or a power cut would; the second time it ends well.
"""

from __future__ import annotations

import json
import os
import signal

from tracklib import tracked, tracking

CHECKPOINT = "runs/resume-checkpoint.json"
EPOCHS = 10


@tracked
def descend(x: float) -> dict[str, float]:
    """One step of gradient descent on x**2."""
    x -= 0.1 * 2 * x
    return {"x": x, "loss": x**2}


def load() -> float:
    """What the last attempt reached; tracklib keeps what was measured, the model is yours to keep."""
    if not os.path.exists(CHECKPOINT):
        return 3.0
    with open(CHECKPOINT, encoding="utf-8") as file:
        return float(json.load(file))


def save(x: float) -> None:
    with open(CHECKPOINT + ".new", "w", encoding="utf-8") as file:
        json.dump(x, file)
    os.replace(CHECKPOINT + ".new", CHECKPOINT)


def main() -> None:
    is_first_time = not os.path.exists(CHECKPOINT)
    x = load()
    with tracking(output_run="runs/resume", resume=True) as run:
        for epoch in run.epochs(EPOCHS):  # goes on behind the last epoch that was finished
            print("epoch", epoch, flush=True)
            if is_first_time and epoch == EPOCHS // 2:
                os.kill(os.getpid(), signal.SIGKILL)
            x = descend(x)["x"]
            save(x)  # last, so that an epoch that is begun again begins with what it began with
    print("All epochs are in", os.path.join(run.output_run, "metrics.csv"))


if __name__ == "__main__":
    main()
