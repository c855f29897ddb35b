"""Compare learning rates: each is a run inside one run.

A child run lies in ``children/`` of the outer one's folder; it is a child run at MLflow, and at W&B all are a group.
"""

from __future__ import annotations

import argparse
import os

from tracklib import tracked, tracking

LEARNING_RATES = (0.01, 0.1, 0.4, 1.1)


@tracked
def descend(x: float, learning_rate: float, epoch: int) -> dict[str, float]:
    """One step of gradient descent on x**2."""
    x -= learning_rate * 2 * x
    return {"x": x, "loss": x**2}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tracking-uri", metavar="URI", help="an MLflow server; none: CSV only")
    uri = parser.parse_args().tracking_uri
    trackers = [{"type": "Mlflow", "tracking_uri": uri, "experiment_name": "sweep"}] if uri else []

    with tracking(trackers, output_run="runs/sweep") as sweep:
        losses = {}
        for rate in LEARNING_RATES:
            with sweep.child(f"lr={rate}", params={"lr": rate}, best={"loss": "min"}) as run:
                x = 3.0
                for epoch in range(10):
                    x = descend(x, rate, epoch)["x"]
                losses[rate] = run.best["loss"].value
        sweep.log_table("losses", [{"lr": rate, "loss": loss} for rate, loss in losses.items()])

    best = min(losses, key=losses.__getitem__)
    print(f"The best learning rate is {best}: see {os.path.join(sweep.output_run, 'children', f'lr={best}')}")


if __name__ == "__main__":
    main()
