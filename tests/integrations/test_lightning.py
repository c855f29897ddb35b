"""Lightning: real trainers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

from tracklib._journal.records import Artifact

need("lightning")
pytestmark = MARKS


def model(fail: Callable[[], Any] | None = None) -> Any:
    from lightning.pytorch.demos.boring_classes import BoringModel

    class Model(BoringModel):  # type: ignore[misc]
        def __init__(self, lr: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()

        def training_step(self, batch: Any, number: int) -> Any:
            out = super().training_step(batch, number)
            self.log("train/loss", out["loss"])
            if fail and self.global_step >= 5:
                fail()
            return out

        def test_step(self, batch: Any, number: int) -> None:
            self.log("test/loss", super().test_step(batch, number)["y"])

    return Model()


def trainer(logger: Any) -> Any:
    import lightning.pytorch as pl

    return pl.Trainer(
        logger=logger,
        max_epochs=2,
        limit_train_batches=4,
        limit_val_batches=1,
        limit_test_batches=1,
        log_every_n_steps=2,
        num_sanity_val_steps=0,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(getattr(logger, "_checkpoints", None)),
    )


class TestLightning(FrameworkTests):
    metric, values = "train/loss", [1.0, 3.0, 5.0, 7.0]
    hears_errors = True  # Lightning says it while it handles it
    swallows = {"SIGTERM"}  # Lightning by itself exits with 0, in a run it does not

    def prepare(self) -> None:
        import lightning.pytorch.demos.boring_classes  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.lightning import TracklibLogger

        return TracklibLogger(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        trainer(adapter).fit(model(fail))

    def evaluate(self, adapter: Any) -> None:
        trainer(adapter).test(model())


def test_steps_are_on_their_axis_with_the_epoch_beside_them(tmp_path: Path) -> None:
    case = TestLightning()
    case.fit(case.adapter(**own(tmp_path)))
    assert points(tmp_path) == [("step", step, ["epoch", "train/loss"]) for step in (1, 3, 5, 7)]
    assert (tmp_path / "metrics.csv").read_text().splitlines()[0] == "epoch,step,train/loss"


def test_hyperparameters_are_said_once(tmp_path: Path) -> None:
    case = TestLightning()
    logger = case.adapter(**own(tmp_path))
    case.fit(logger)
    case.fit(logger)
    case.evaluate(logger)
    assert params(tmp_path) == [{"lr": 0.1}]
    assert ends(tmp_path) == [("finished", "")] * 3


def test_checkpoints_are_artifacts_as_they_are_saved(tmp_path: Path) -> None:
    case = TestLightning()
    case.fit(case.adapter(checkpoints="all", **own(tmp_path)))
    assert [each.name for each in kept.records(tmp_path, Artifact)] == ["epoch=0-step=4.ckpt", "epoch=1-step=8.ckpt"]
    assert (tmp_path / "checkpoints/epoch=1-step=8.ckpt").exists()


def test_checkpoints_that_are_there_when_a_fit_fails_are_artifacts(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("boom")

    case = TestLightning()
    with pytest.raises(ValueError, match="boom"):
        case.fit(case.adapter(checkpoints="end", **own(tmp_path)), fail)
    assert [each.name for each in kept.records(tmp_path, Artifact)] == ["epoch=0-step=4.ckpt"]
    assert ends(tmp_path) == [("failed", "ValueError")]
