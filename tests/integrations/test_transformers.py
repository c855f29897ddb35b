"""Hugging Face's Trainer: real, tiny trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
import pytest
from fitted import MARKS, FrameworkTests, ends, has, need, own, params, points, prepare_torch

from tracklib import tracking
from tracklib._journal.records import Artifact, Begin

need("transformers", "accelerate")
pytestmark = MARKS


def net(fail: Callable[[], Any] | None = None) -> Any:
    import torch

    class Net(torch.nn.Module):  # type: ignore[misc]
        config = None

        def __init__(self) -> None:
            super().__init__()
            self.line, self.calls = torch.nn.Linear(1, 1), 0

        def forward(self, x: Any, labels: Any = None) -> Any:
            self.calls += 1
            if fail and self.calls == 3:
                fail()
            guess = self.line(x)
            return {"loss": torch.nn.functional.mse_loss(guess, labels), "logits": guess}

    return Net()


def trainer(ours: Any, net: Any, model_init: Any = None, **options: Any) -> Any:
    import torch
    import transformers

    data = [{"x": torch.tensor([float(n)]), "labels": torch.tensor([2.0 * n])} for n in range(4)]
    told = {"max_steps": 4, "save_strategy": "no", "logging_steps": 2, "report_to": "none", **options}
    args = transformers.TrainingArguments("out", per_device_train_batch_size=2, use_cpu=True, disable_tqdm=True, **told)
    return transformers.Trainer(
        net, args, train_dataset=data, eval_dataset=data, callbacks=[ours], model_init=model_init
    )


class TestTransformers(FrameworkTests):
    metric, values = "train/loss", [2.0, 4.0]

    def prepare(self) -> None:
        import transformers.trainer  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.transformers import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None, **options: Any) -> None:
        trainer(adapter, net(fail), **options).train()

    def evaluate(self, adapter: Any) -> None:
        trainer(adapter, net()).evaluate()


CASE = TestTransformers()
SAVES: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_steps_are_on_their_axis_with_the_epoch_beside_them(tmp_path: Path) -> None:
    CASE.fit(CASE.adapter(**own(tmp_path)))
    logged = ["epoch", "train/grad_norm", "train/learning_rate", "train/loss"]
    found = points(tmp_path)
    assert found[:2] == [("step", 2, logged), ("step", 4, logged)]
    assert {name for _, _, names in found[2:] for name in names} >= {
        "train/train_runtime",
        "train/train_loss",
        "epoch",
    }
    header = (tmp_path / "metrics.csv").read_text().splitlines()[0]
    assert header.startswith("epoch,step,train/")
    assert "epoch-" not in header


def test_what_evaluate_finds_is_there_once_and_the_arguments_are_params_once(tmp_path: Path) -> None:
    ours = CASE.adapter(**own(tmp_path))
    CASE.fit(ours)
    CASE.evaluate(ours)
    CASE.fit(ours)
    assert [("eval/loss" in names) for _, _, names in points(tmp_path)].count(True) == 1
    (told,) = params(tmp_path)
    assert told["args"]["max_steps"] == 4
    assert ends(tmp_path) == [("finished", "")] * 2  # no hook tells when an evaluation ends


def test_checkpoints_are_artifacts(tmp_path: Path) -> None:
    CASE.fit(CASE.adapter(checkpoints=True, **own(tmp_path / "run")), **SAVES)
    assert [each.name for each in kept.records(tmp_path / "run", Artifact)] == ["checkpoint-2", "checkpoint-4"]
    assert (tmp_path / "run/artifacts/checkpoint-4/model.safetensors").exists()


def test_a_training_that_goes_on_from_a_checkpoint_is_the_next_attempt(tmp_path: Path) -> None:
    run = tmp_path / "run"
    CASE.fit(CASE.adapter(**own(run)), **SAVES)
    trainer(CASE.adapter(**own(run)), net(), **SAVES | {"max_steps": 6}).train(resume_from_checkpoint=True)
    assert [begin.attempt for begin in kept.records(run, Begin)] == [1, 2]
    assert [step for _, step, names in points(run) if "train/loss" in names] == [2, 4, 6]
    assert ends(run) == [("finished", "")] * 2


def searched(ours: Any) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    trainer(ours, None, model_init=lambda trial: net()).hyperparameter_search(
        lambda trial: {"learning_rate": trial.suggest_float("lr", 1e-4, 1e-2)},
        n_trials=2,
        direction="minimize",
        backend="optuna",
    )


@pytest.mark.parametrize(("is_around", "where"), [(False, "run"), (True, "run/children")])
def test_each_trial_of_a_search_is_a_run(tmp_path: Path, is_around: bool, where: str) -> None:
    if not has("optuna"):
        pytest.skip("optuna is not installed")
    if is_around:
        with tracking(**own(tmp_path / "run")):
            searched(CASE.adapter())
    else:
        searched(CASE.adapter(**own(tmp_path / "run")))
    for number in range(2):
        trial = tmp_path / where / f"trial-{number}"
        assert ends(trial)[:1] == [("finished", "")]
        assert [*params(trial)[0]["trial"]] == ["lr"]
        assert "eval/loss" in points(trial)[-1][2]  # the search evaluates each, once it is trained


def test_without_a_directory_the_run_is_beside_the_checkpoints(tmp_path: Path) -> None:
    CASE.fit(CASE.adapter(configs=[]))
    assert (tmp_path / "out/tracklib/journal.jsonl").exists()
