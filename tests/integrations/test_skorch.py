"""skorch: real, tiny nets."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

from tracklib import tracking
from tracklib._journal.records import Tags

need("skorch", "torch")
pytestmark = MARKS


def data() -> Any:
    import numpy as np

    x = np.arange(16.0, dtype="float32").reshape(16, 1)
    return x, 2 * x


def net(ours: Any, more: Any = (), **options: Any) -> Any:
    import torch
    from skorch import NeuralNetRegressor

    class Net(torch.nn.Linear):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(1, 1)

    told = {"max_epochs": 3, "batch_size": 8, "lr": 1e-4, "verbose": 0, **options}
    return NeuralNetRegressor(Net, callbacks=[*more, ours], **told)


def fails(fail: Callable[[], Any] | None) -> Any:
    from skorch.callbacks import Callback

    class Fails(Callback):  # type: ignore[misc]
        def on_batch_begin(self, net: Any, **kwargs: Any) -> None:
            if fail and len(net.history) == 2:
                fail()

    return Fails()


class TestSkorch(FrameworkTests):
    metric, values = "train/loss", [1.0, 2.0, 3.0]
    swallows = {"Ctrl-C"}
    statuses = {"borrowed, Ctrl-C": "finished"}  # the block goes on

    def prepare(self) -> None:
        import skorch.callbacks  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.skorch import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        net(adapter, [fails(fail)]).fit(*data())


def test_an_epochs_row_is_one_record_and_the_nets_settings_are_params(tmp_path: Path) -> None:
    case = TestSkorch()
    case.fit(case.adapter(**own(tmp_path)))
    names = ["train/dur", "train/loss", "val/loss"]
    assert points(tmp_path) == [("epoch", epoch, names) for epoch in (1, 2, 3)]
    (told,) = params(tmp_path)
    assert (told["lr"], told["max_epochs"], told["module"], told["optimizer"]) == (1e-4, 3, "Net", "SGD")


def test_a_fit_that_goes_on_goes_on_with_its_epochs(tmp_path: Path) -> None:
    ours = TestSkorch().adapter(**own(tmp_path))
    trained = net(ours)
    trained.fit(*data())
    trained.partial_fit(*data())
    assert [epoch for _, epoch, _ in points(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert ends(tmp_path) == [("finished", "")] * 2


def test_a_callback_before_ours_that_stops_the_training_is_no_interruption(tmp_path: Path) -> None:
    from skorch.callbacks import EarlyStopping

    ours = TestSkorch().adapter(**own(tmp_path))
    net(ours, [EarlyStopping(patience=1, threshold=1e9, threshold_mode="abs", sink=lambda _: None)]).fit(*data())
    assert len(points(tmp_path)) < 3
    assert ends(tmp_path) == [("finished", "")]
    assert kept.records(tmp_path, Tags) == []


def test_a_block_that_goes_on_behind_ctrl_c_knows_of_it(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tracking(output_run=tmp_path, environment=False) as t:
        net(TestSkorch().adapter(), [fails(lambda: os.kill(os.getpid(), signal.SIGINT))]).fit(*data())
        t.log(None, {"test/loss": 1.0})
    assert ends(tmp_path) == [("finished", "")]
    assert [[*tags.tags] for tags in kept.records(tmp_path, Tags)] == [["interrupted"]]


def test_a_search_clones_the_callback_and_logs_into_the_run_around(tmp_path: Path) -> None:
    from sklearn.model_selection import GridSearchCV

    with tracking(output_run=tmp_path, environment=False):
        searched = net(TestSkorch().adapter(), train_split=None, max_epochs=1)
        GridSearchCV(searched, {"lr": [1e-4, 1e-5]}, cv=2).fit(*data())
    assert [epoch for _, epoch, _ in points(tmp_path)] == [1] * 5
