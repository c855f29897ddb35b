"""A program that tracks, as it may be: what its tests look like is in ``test_training.py``."""

from __future__ import annotations

from tracklib import tracked, tracking


@tracked
def train_epoch(epoch: int) -> dict[str, float]:
    return {"loss": 1 / (epoch + 1)}


def main(epochs: int = 3) -> float:
    with tracking([{"type": "Wandb", "project": "digits"}], best={"loss": "min"}) as t:
        for epoch in t.epochs(epochs):
            loss = train_epoch(epoch)["loss"]
    return loss
