"""Keras 3 on torch: real, tiny trainings, whose fits end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

from tracklib._journal.records import Begin

need("keras", "torch")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    os.environ["KERAS_BACKEND"] = "torch"
    import keras, numpy as np, torch, torch._dynamo
    from tracklib.integrations.keras import TracklibCallback as adapter
    torch.set_num_threads(1)
    X = np.arange(8.0, dtype="float32").reshape(8, 1)

    class Fails(keras.callbacks.Callback):
        def __init__(self, fail):
            super().__init__()
            self.fail = fail
        def on_epoch_end(self, epoch, logs=None):
            if self.fail and epoch == 1:
                self.fail()
    def made():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile(optimizer="sgd", loss="mse")
        return model
    MODEL = made()
    def fit(ours, fail=None, **options):
        MODEL.fit(X, 2 * X, batch_size=4, verbose=0, callbacks=[ours, Fails(fail)],
                  **{"epochs": 2, "validation_data": (X, 2 * X), **options})
    def evaluate(ours):
        MODEL.evaluate(X, 2 * X, verbose=0, callbacks=[ours])
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "batches": "fit(own(every=2))",
        "further": "ours = own(); fit(ours); fit(ours, initial_epoch=2, epochs=4)",
        "copied": "import copy, pickle; ours = pickle.loads(pickle.dumps(copy.deepcopy(own()))); fit(ours)",
    }
    return Fits(tmp_path_factory.mktemp("keras"), SCRIPT, more)


@pytest.mark.parametrize("end", ENDS)
def test_a_fits_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end)


def test_each_epoch_is_one_record(fits: Fits) -> None:
    logged = ["train/loss", "val/loss"]
    assert fits["own, success"].points == [("epoch", 0, logged), ("epoch", 1, logged)]


def test_a_further_fit_goes_on_with_its_epochs(fits: Fits) -> None:
    fit = fits["further"]
    assert [step for _, step, _ in fit.points] == [0, 1, 2, 3]
    assert [begin.attempt for begin in fit.records(Begin)] == [1, 2]


def test_an_evaluation_after_the_fit_is_logged_and_that_in_the_fit_is_not_twice(fits: Fits) -> None:
    points = fits["around, evaluated after the fit"].points
    assert [names for _, _, names in points] == [["train/loss", "val/loss"]] * 2 + [["test/loss"]]


def test_batches_count_over_all_epochs(fits: Fits) -> None:
    assert [(axis, step) for axis, step, _ in fits["batches"].points if axis == "batch"] == [("batch", 2), ("batch", 4)]


def test_params_are_the_fits_and_the_optimizers(fits: Fits) -> None:
    told = {name: value for params in fits["own, success"].params for name, value in params.items()}
    assert told["fit"]["epochs"] == 2
    assert told["optimizer"]["name"] == "sgd"
    assert told["parameters"] == 2


def test_a_copy_is_as_good(fits: Fits) -> None:
    assert fits["copied"].ends == SUCCESS, fits["copied"].output
