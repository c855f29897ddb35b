"""fastai: real, tiny learners."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

from tracklib import tracking

need("fastai", "torch")
pytestmark = MARKS


def learner(ours: Any, fail: Callable[[], Any] | None = None) -> Any:
    import fastai.callback.schedule  # noqa: F401  # gives learners `fit_one_cycle` and `lr_find`
    import torch
    from fastai.basics import DataLoader, DataLoaders, Learner, mse

    class Net(torch.nn.Linear):  # type: ignore[misc]
        calls = 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            if fail and self.calls == 6:  # in the second epoch: two batches of training and two of validation each
                fail()
            return super().forward(x)

    x = torch.arange(16.0).reshape(16, 1)
    rows = list(zip(x, 2 * x, strict=True))
    data = DataLoaders(DataLoader(rows, bs=8, num_workers=0), DataLoader(rows, bs=8, num_workers=0))
    made = Learner(data, Net(1, 1), loss_func=torch.nn.functional.mse_loss, metrics=mse, cbs=[ours], lr=1e-4)
    made.remove_cbs([each for each in made.cbs if type(each).__name__ == "ProgressCallback"])
    made.logger = print
    return made


class TestFastai(FrameworkTests):
    metric, values = "train/loss", [0.0, 1.0, 2.0]
    copies = {"deepcopy"}  # it holds the learner, whose local class cannot be pickled here

    def prepare(self) -> None:
        import fastai.basics  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.fastai import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        learner(adapter, fail).fit(3)

    def evaluate(self, adapter: Any) -> None:
        learner(adapter).validate()


def test_what_the_recorder_shows_of_an_epoch_is_one_record(tmp_path: Path) -> None:
    case = TestFastai()
    case.fit(case.adapter(**own(tmp_path)))
    names = ["train/loss", "train/lr", "val/loss", "val/mse"]
    assert points(tmp_path) == [("epoch", epoch, names) for epoch in range(3)]
    (told,) = params(tmp_path)
    assert (told["epochs"], told["batch_size"], told["model"], told["loss"]) == (3, 8, "Net", "mse_loss")
    assert told["optimizer"]["lr"] == 1e-4


def test_a_further_fit_goes_on_with_its_epochs_and_validate_is_the_test(tmp_path: Path) -> None:
    ours = TestFastai().adapter(**own(tmp_path))
    trained = learner(ours)
    trained.fit_one_cycle(2, 1e-4)
    trained.fit(1)
    trained.validate()
    found = points(tmp_path)
    assert [epoch for _, epoch, names in found if "train/loss" in names] == [0, 1, 2]
    assert [names for *_, names in found][3:] == [["test/loss", "test/mse"]]
    assert ends(tmp_path) == [("finished", "")] * 3


def test_the_learning_rate_finder_and_predictions_log_nothing(tmp_path: Path) -> None:
    with tracking(output_run=tmp_path, environment=False):
        trained = learner(TestFastai().adapter())
        trained.lr_find(end_lr=1e-4, num_it=20, stop_div=False, show_plot=False)
        trained.get_preds()
        assert points(tmp_path) == []
        trained.fit(1)
    assert [epoch for _, epoch, _ in points(tmp_path)] == [0]


def test_a_fit_that_is_cancelled_has_finished(tmp_path: Path) -> None:
    from fastai.callback.core import CancelFitException

    def cancel() -> None:
        raise CancelFitException

    learner(TestFastai().adapter(**own(tmp_path)), cancel).fit(3)
    assert ends(tmp_path) == [("finished", "")]
