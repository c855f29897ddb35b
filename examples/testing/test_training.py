from __future__ import annotations

from training import main, train_epoch

from tracklib import Trackers


def test_training_gets_better() -> None:
    assert main(epochs=2) == 0.5


def test_each_epoch_logs_its_loss(run: Trackers) -> None:
    train_epoch(epoch=0)
    train_epoch(epoch=1)

    assert run.flush(10)
    assert run["MemoryTracker"].metrics == {"loss": [(0, 1.0), (1, 0.5)]}
