"""Lightning: real trainers, whose fits end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

from tracklib._journal.records import Artifact

need("lightning")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import lightning.pytorch as pl, torch, torch._dynamo
    from lightning.pytorch.demos.boring_classes import BoringModel
    from tracklib.integrations.lightning import TracklibLogger as adapter

    class Model(BoringModel):
        def __init__(self, fail=None, lr=0.1):
            super().__init__()
            self.save_hyperparameters("lr")
            self.fail = fail
        def training_step(self, batch, number):
            out = super().training_step(batch, number)
            self.log("train/loss", out["loss"])
            if self.fail and self.global_step >= 5:
                self.fail()
            return out
        def test_step(self, batch, number):
            self.log("test/loss", super().test_step(batch, number)["y"])

    torch.set_num_threads(1)

    def trainer(logger, **options):
        return pl.Trainer(logger=logger, max_epochs=2, limit_train_batches=4, limit_val_batches=1, log_every_n_steps=2,
                          limit_test_batches=1, enable_progress_bar=False, enable_model_summary=False,
                          accelerator="cpu", num_sanity_val_steps=0,
                          enable_checkpointing=bool(getattr(logger, "_checkpoints", None)), **options)
    def fit(logger, fail=None, **options):
        trainer(logger, **options).fit(Model(fail))
    def evaluate(logger):
        trainer(logger).test(Model())
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "own, checkpoints, all": "fit(adapter(output_run='run', checkpoints='all'))",
        "own, checkpoints, end": "fit(adapter(output_run='run', checkpoints='end'), boom)",
    }
    return Fits(tmp_path_factory.mktemp("lightning"), SCRIPT, more)


HOOKED = {
    "own, raises and is caught": [("failed", "ValueError")],  # Lightning says it while it handles it
    "own, two fits, the first raises": [("failed", "ValueError"), *SUCCESS],
}


@pytest.mark.parametrize("end", ENDS)
def test_a_fits_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end, HOOKED.get(end, ()))


def test_steps_are_on_their_axis_with_the_epoch_beside_them(fits: Fits) -> None:
    points = fits["own, success"].points
    assert points == [("step", step, ["epoch", "train/loss"]) for step in (1, 3, 5, 7)]
    header = (fits["own, success"].folder / "run/metrics.csv").read_text().splitlines()[0]
    assert header == "epoch,step,train/loss"


def test_hyperparameters_are_said_once(fits: Fits) -> None:
    assert fits["own, two fits"].params == fits["around, evaluated after the fit"].params == [{"lr": 0.1}]


def test_checkpoints_are_artifacts_as_they_are_saved(fits: Fits) -> None:
    fit = fits["own, checkpoints, all"]
    assert [artifact.name for artifact in fit.records(Artifact)] == ["epoch=0-step=4.ckpt", "epoch=1-step=8.ckpt"]
    assert (fit.folder / "run/checkpoints/epoch=1-step=8.ckpt").exists()


def test_checkpoints_that_are_there_when_a_fit_fails_are_artifacts(fits: Fits) -> None:
    fit = fits["own, checkpoints, end"]
    assert [artifact.name for artifact in fit.records(Artifact)] == ["epoch=0-step=4.ckpt"]
    assert fit.ends == [("failed", "ValueError")]
