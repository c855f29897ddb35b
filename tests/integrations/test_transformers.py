"""Hugging Face's Trainer: real, tiny trainings, whose fits end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

from tracklib._journal.records import Artifact, Begin

need("transformers", "accelerate")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import torch, torch._dynamo, transformers
    from tracklib.integrations.transformers import TracklibCallback as adapter
    torch.set_num_threads(1)

    class Net(torch.nn.Module):
        config = None
        def __init__(self, fail=None):
            super().__init__()
            self.line, self.fail, self.calls = torch.nn.Linear(1, 1), fail, 0
        def forward(self, x, labels=None):
            self.calls += 1
            if self.fail and self.calls == 3:
                self.fail()
            guess = self.line(x)
            return {"loss": torch.nn.functional.mse_loss(guess, labels), "logits": guess}

    DATA = [{"x": torch.tensor([float(n)]), "labels": torch.tensor([2.0 * n])} for n in range(4)]

    def trainer(ours, net, model_init=None, **options):
        told = {"max_steps": 4, "save_strategy": "no", "logging_steps": 2, "report_to": "none", **options}
        args = transformers.TrainingArguments("out", per_device_train_batch_size=2, use_cpu=True, disable_tqdm=True,
                                              **told)
        return transformers.Trainer(net, args, train_dataset=DATA, eval_dataset=DATA, callbacks=[ours],
                                    model_init=model_init)
    def fit(ours, fail=None, **options):
        trainer(ours, Net(fail), **options).train()
    def evaluate(ours):
        trainer(ours, Net()).evaluate()
    def resume(ours):
        saves = {"save_strategy": "steps", "save_steps": 2}
        fit(ours, **saves)
        trainer(adapter(output_run="run"), Net(), **saves | {"max_steps": 6}).train(resume_from_checkpoint=True)
    def search(ours):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seeking = trainer(ours, None, model_init=lambda trial: Net())
        seeking.hyperparameter_search(lambda trial: {"learning_rate": trial.suggest_float("lr", 1e-4, 1e-2)},
                                      n_trials=2, direction="minimize", backend="optuna")
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "checkpoints": "fit(own(checkpoints=True), save_strategy='steps', save_steps=2)",
        "resumed": "resume(own())",
        "own, searches": "search(own())",
        "around, searches": "with around(): search(adapter())",
        "in output_dir": "fit(adapter([]))",
    }
    return Fits(tmp_path_factory.mktemp("transformers"), SCRIPT, more)


@pytest.mark.parametrize("end", ENDS)
def test_a_fits_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end)


def test_steps_are_on_their_axis_with_the_epoch_beside_them(fits: Fits) -> None:
    logged = ["epoch", "train/grad_norm", "train/learning_rate", "train/loss"]
    points = fits["own, success"].points
    assert points[:2] == [("step", 2, logged), ("step", 4, logged)]
    assert {name for _, _, names in points[2:] for name in names} >= {
        "train/train_runtime",
        "train/train_loss",
        "epoch",
    }
    header = (fits["own, success"].folder / "run/metrics.csv").read_text().splitlines()[0]
    assert header.startswith("epoch,step,train/")
    assert "epoch-" not in header


def test_what_evaluate_finds_is_there_once(fits: Fits) -> None:
    points = fits["own, evaluated after the fit"].points
    assert [("eval/loss" in names) for _, _, names in points].count(True) == 1


def test_the_arguments_are_params_once(fits: Fits) -> None:
    (params,) = fits["own, success"].params
    assert params["args"]["max_steps"] == 4
    assert [*fits["own, two fits"].params][1:] == []


def test_checkpoints_are_artifacts(fits: Fits) -> None:
    fit = fits["checkpoints"]
    assert [artifact.name for artifact in fit.records(Artifact)] == ["checkpoint-2", "checkpoint-4"]
    assert (fit.folder / "run/artifacts/checkpoint-4/model.safetensors").exists(), fit.output


def test_a_training_that_goes_on_from_a_checkpoint_is_the_next_attempt(fits: Fits) -> None:
    fit = fits["resumed"]
    assert [begin.attempt for begin in fit.records(Begin)] == [1, 2], fit.output
    assert [step for _, step, names in fit.points if "train/loss" in names] == [2, 4, 6]
    assert fit.ends == SUCCESS * 2


@pytest.mark.parametrize(("name", "where"), [("own", "run"), ("around", "run/children")])
def test_each_trial_of_a_search_is_a_run(fits: Fits, name: str, where: str) -> None:
    fit = fits[f"{name}, searches"]
    for number in range(2):
        trial = fit._replace(folder=fit.folder / where / f"trial-{number}")
        assert (trial.folder / "journal.jsonl").exists(), fit.output
        (trial.folder / "run").symlink_to(".")
        assert trial.ends == SUCCESS * 2  # the search evaluates each, once it is trained
        assert [*trial.params[0]["trial"]] == ["lr"]
        assert "eval/loss" in trial.points[-1][2]


def test_without_a_directory_the_run_is_beside_the_checkpoints(fits: Fits) -> None:
    assert (fits["in output_dir"].folder / "out/tracklib/journal.jsonl").exists()
