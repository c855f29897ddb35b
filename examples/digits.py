"""Train a small neural network on scikit-learn's handwritten digits, and track the run.

CSV, and MLflow in a local SQLite file:  python examples/digits.py
W&B as well, in offline mode:            python examples/digits.py --wandb
The other choices:                       python examples/digits.py --help
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from tracklib import tracked, tracking

CLASSES = np.arange(10)


class Data(NamedTuple):
    """Images, as rows of 64 brightnesses from 0 to 1, and the digits that they show."""

    images: np.ndarray
    digits: np.ndarray


def load() -> tuple[Data, Data]:
    """The bundled digits: three quarters to train on, one to validate with."""
    images, digits = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, digits, stratify=digits, random_state=0)
    train_images, validation_images, train_digits, validation_digits = parts
    return Data(train_images, train_digits), Data(validation_images, validation_digits)


@tracked
def train_epoch(model: MLPClassifier, data: Data, epoch: int) -> dict[str, float]:
    """Go through the training images once."""
    model.partial_fit(data.images, data.digits, classes=CLASSES)
    return {"train_loss": model.loss_, "train_accuracy": model.score(data.images, data.digits)}


@tracked
def validate(model: MLPClassifier, data: Data, epoch: int) -> dict[str, float]:
    """Judge the model by images that it was not trained on."""
    return {
        "val_loss": log_loss(data.digits, model.predict_proba(data.images), labels=CLASSES),
        "val_accuracy": model.score(data.images, data.digits),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, metavar="N", help="how often to see all images (20)")
    parser.add_argument("--output-run", default="runs/digits", metavar="DIR", help="the run's folder (runs/digits)")
    parser.add_argument("--tracking-uri", metavar="URI", help="an MLflow server, instead of mlflow.db beside the run")
    parser.add_argument("--wandb", action="store_true", help="log to W&B too, in offline mode")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    beside = os.path.dirname(os.path.abspath(args.output_run))
    trackers = [
        {
            "type": "Mlflow",
            "tracking_uri": args.tracking_uri or f"sqlite:///{beside}/mlflow.db",
            "experiment_name": "digits",
        }
    ]
    if args.wandb:
        trackers.append({"type": "Wandb", "project": "digits", "mode": "offline"})

    params = {"hidden_layer_sizes": (64,), "learning_rate_init": 3e-3, "random_state": 0}
    model = MLPClassifier(**params)
    train, validation = load()
    with tracking(trackers, output_run=args.output_run, params=params) as t:
        for epoch in range(args.epochs):
            train_epoch(model, train, epoch)
            scores = validate(model, validation, epoch)
            print(f"epoch {epoch}: {scores['val_accuracy']:.1%} of the validation images are read right")

    for tracker in t.loggers:
        print(type(tracker).__name__, tracker.location)
    python = os.path.relpath(sys.executable)
    print(f"Look at it: {python} -m tracklib show {args.output_run}")
    print(f"A page:     {python} -m tracklib report {beside} -o report.html")


if __name__ == "__main__":
    main()
