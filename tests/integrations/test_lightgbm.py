"""LightGBM: real, tiny trainings, whose fits end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

need("lightgbm")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import contextlib, lightgbm, numpy as np
    from tracklib.integrations.lightgbm import TracklibCallback as adapter
    X = np.arange(80.0).reshape(40, 2)
    PARAMS = {"objective": "binary", "num_threads": 1, "verbose": -1, "min_data_in_leaf": 2, "learning_rate": 0.3}

    class Fails:
        def __init__(self, fail):
            self.fail = fail
        def __call__(self, env):
            if self.fail and env.iteration == 2:
                self.fail()
    def fit(ours, fail=None, stop=False, block=True):
        data = lightgbm.Dataset(X, label=X[:, 0] > 20)
        stops = [lightgbm.early_stopping(1, min_delta=9.0, verbose=False)] if stop else []
        with ours if block else contextlib.nullcontext():
            lightgbm.train(PARAMS, data, 4, valid_sets=[data.create_valid(X, label=X[:, 0] > 20)],
                           callbacks=[*stops, ours, Fails(fail)])
    def evaluate(ours):
        pass
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "stopped": "fit(own(), stop=True)",
        "no block": "ours = own(); fit(ours, block=False); assert not ours._held._run.is_init; fit(ours, block=False)",
        "no block, stopped": "fit(own(), stop=True, block=False)",
        "no block, raises": "fit(own(), boom, block=False)",
        "cv": "lightgbm.cv(PARAMS, lightgbm.Dataset(X, label=X[:, 0] > 20), 3, nfold=2, callbacks=[own()])",
    }
    return Fits(tmp_path_factory.mktemp("lightgbm"), SCRIPT, more, without=("evaluated",))


HOOKED = {
    "own, raises and is caught": [("failed", "ValueError")],  # the block knows it
    "own, two fits, the first raises": [("failed", "ValueError"), *SUCCESS],
}


@pytest.mark.parametrize("end", [end for end in ENDS if "evaluated" not in end])
def test_a_fits_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end, HOOKED.get(end, ()))


def test_each_round_is_one_record(fits: Fits) -> None:
    names = ["valid_0/binary_logloss"]
    assert fits["own, success"].points == [("round", number, names) for number in range(4)]


def test_the_round_in_which_early_stopping_stops_is_there(fits: Fits) -> None:
    assert len(fits["stopped"].points) == len(fits["no block, stopped"].points) == 2, fits["stopped"].output


def test_without_a_block_the_last_round_or_the_program_ends_the_run(fits: Fits) -> None:
    assert fits["no block"].ends == SUCCESS * 2, fits["no block"].output
    assert fits["no block, stopped"].ends == SUCCESS
    assert fits["no block, raises"].ends == [("failed", "ValueError")]


def test_a_cross_validation_has_means_and_deviations(fits: Fits) -> None:
    names = ["valid/binary_logloss", "valid/binary_logloss-std"]
    assert fits["cv"].points == [("round", number, names) for number in range(3)], fits["cv"].output


def test_the_settings_are_params(fits: Fits) -> None:
    assert fits["own, success"].params[0]["learning_rate"] == 0.3
