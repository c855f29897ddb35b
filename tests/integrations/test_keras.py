"""Keras 3 on torch: real, tiny trainings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
from fitted import MARKS, FrameworkTests, ends, need, own, params, points, prepare_torch

from tracklib import tracking
from tracklib._journal.records import Begin

need("keras", "torch")
pytestmark = MARKS
os.environ.setdefault("KERAS_BACKEND", "torch")


def data() -> Any:
    import numpy as np

    x = np.arange(8.0, dtype="float32").reshape(8, 1)
    return x, 2 * x


def model() -> Any:
    import keras

    made = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    made.compile(optimizer="sgd", loss="mse")
    return made


def trained(ours: Any, fail: Callable[[], Any] | None = None, **options: Any) -> Any:
    import keras

    fails = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: fail() if fail and epoch == 1 else None)
    told = {"epochs": 2, "validation_data": data(), **options}
    made = model()
    made.fit(*data(), batch_size=4, verbose=0, callbacks=[ours, fails], **told)
    return made


class TestKeras(FrameworkTests):
    metric, values = "train/loss", [0.0, 1.0]

    def prepare(self) -> None:
        import keras  # noqa: F401

        prepare_torch()

    def adapter(self, **options: Any) -> Any:
        from tracklib.integrations.keras import TracklibCallback

        return TracklibCallback(**options)

    def fit(self, adapter: Any, fail: Callable[[], Any] | None = None) -> None:
        trained(adapter, fail)

    def evaluate(self, adapter: Any) -> None:
        model().evaluate(*data(), verbose=0, callbacks=[adapter])


def test_each_epoch_is_one_record_and_the_settings_are_params(tmp_path: Path) -> None:
    trained(TestKeras().adapter(**own(tmp_path)))
    logged = ["train/loss", "val/loss"]
    assert points(tmp_path) == [("epoch", 0, logged), ("epoch", 1, logged)]
    told = {name: value for params in params(tmp_path) for name, value in params.items()}
    assert (told["fit"]["epochs"], told["optimizer"]["name"][:3].lower(), told["parameters"]) == (2, "sgd", 2)


def test_a_further_fit_goes_on_with_its_epochs(tmp_path: Path) -> None:
    ours = TestKeras().adapter(**own(tmp_path))
    trained(ours)
    trained(ours, initial_epoch=2, epochs=4)
    assert [step for _, step, _ in points(tmp_path)] == [0, 1, 2, 3]
    assert [begin.attempt for begin in kept.records(tmp_path, Begin)] == [1, 2]


def test_an_evaluation_after_the_fit_is_logged_and_that_in_the_fit_is_not_twice(tmp_path: Path) -> None:
    case = TestKeras()
    with tracking(output_run=tmp_path, environment=False):
        ours = case.adapter()
        case.fit(ours)
        case.evaluate(ours)
    assert [names for _, _, names in points(tmp_path)] == [["train/loss", "val/loss"]] * 2 + [["test/loss"]]


def test_an_evaluation_of_a_run_of_its_own_is_its_next_attempt(tmp_path: Path) -> None:
    case = TestKeras()
    ours = case.adapter(**own(tmp_path))
    case.fit(ours)
    case.evaluate(ours)
    assert ends(tmp_path) == [("finished", "")] * 2


def test_batches_count_over_all_epochs(tmp_path: Path) -> None:
    trained(TestKeras().adapter(every=2, **own(tmp_path)))
    assert [(axis, step) for axis, step, _ in points(tmp_path) if axis == "batch"] == [("batch", 2), ("batch", 4)]
