"""LightGBM: real, tiny trainings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fitted import MARKS, FrameworkTests, ends, need, own, params, points

need("lightgbm")
pytestmark = MARKS

PARAMS = {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2, "learning_rate": 0.3}


class Fails:
    def __init__(self, fail: Callable[[], Any] | None) -> None:
        self.fail = fail

    def __call__(self, env: Any) -> None:
        if self.fail and env.iteration == 2:
            self.fail()


def data() -> Any:
    import lightgbm
    import numpy as np

    x = np.arange(80.0).reshape(40, 2)
    return lightgbm.Dataset(x, label=x[:, 0] > 20), x


def trained(ours: Any, fail: Callable[[], Any] | None = None, *, stop: bool = False) -> None:
    import lightgbm

    training, x = data()
    stops = [lightgbm.early_stopping(1, min_delta=9.0, verbose=False)] if stop else []
    valid = training.create_valid(x, label=x[:, 0] > 20)
    lightgbm.train(PARAMS, training, 4, valid_sets=[valid], callbacks=[*stops, ours, Fails(fail)])


class TestLightGBM(FrameworkTests):
    metric, values = "valid_0/binary_logloss", [0.0, 1.0, 2.0, 3.0]
    hears_errors = True  # the block does

    def prepare(self) -> None:
        import lightgbm  # noqa: F401

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.lightgbm import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        with adapter:
            trained(adapter, fail)


class TestLightGBMWithoutABlock(TestLightGBM):
    hears_errors = False
    # Nothing tells it of an error that is caught. The run had begun, and finished with the program.
    statuses = {"owned, caught": "finished"}

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        trained(adapter, fail)


def test_each_round_is_one_record_and_the_settings_are_params(tmp_path: Path) -> None:
    case = TestLightGBM()
    case.fit(case.adapter(**own(tmp_path)))
    assert points(tmp_path) == [("round", number, ["valid_0/binary_logloss"]) for number in range(4)]
    assert params(tmp_path)[0]["learning_rate"] == 0.3


@pytest.mark.parametrize("in_block", [True, False])
def test_the_round_in_which_early_stopping_stops_is_there(tmp_path: Path, in_block: bool) -> None:
    ours = TestLightGBM().adapter(**own(tmp_path))
    if in_block:
        with ours:
            trained(ours, stop=True)
    else:
        trained(ours, stop=True)
        ours.__exit__(None, None, None)
    assert len(points(tmp_path)) == 2
    assert ends(tmp_path) == [("finished", "")]


def test_a_cross_validation_has_means_and_deviations(tmp_path: Path) -> None:
    import lightgbm

    lightgbm.cv(PARAMS, data()[0], 3, nfold=2, callbacks=[TestLightGBM().adapter(**own(tmp_path))])
    names = ["valid/binary_logloss", "valid/binary_logloss-std"]
    assert points(tmp_path) == [("round", number, names) for number in range(3)]
