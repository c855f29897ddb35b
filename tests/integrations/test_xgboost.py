"""XGBoost: real, tiny trainings, whose fits end in all ways."""

from __future__ import annotations

import pytest
from fits import ENDS, SUCCESS, Fits, need

need("xgboost", "sklearn")
pytestmark = pytest.mark.frameworks

SCRIPT = """
    import numpy as np, xgboost
    from tracklib.integrations.xgboost import TracklibCallback as adapter
    X = np.arange(40.0).reshape(20, 2)
    def data():  # not before the fork: its threads would be missing
        return xgboost.DMatrix(X, label=X[:, 0] > 10)
    PARAMS = {"objective": "binary:logistic", "nthread": 1, "max_depth": 2}

    class Fails(xgboost.callback.TrainingCallback):
        def __init__(self, fail):
            self.fail = fail
        def after_iteration(self, model, epoch, evals_log):
            if self.fail and epoch == 2:
                self.fail()
            return False
    class Stops(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            return epoch == 2
    def fit(ours, fail=None, before=(), **options):
        matrix = data()
        return xgboost.train(PARAMS, matrix, 4, evals=[(matrix, "test")], verbose_eval=False,
                             callbacks=[*before, ours, Fails(fail)], **options)
    def evaluate(ours):
        pass
    def estimator(ours):
        from sklearn.model_selection import GridSearchCV
        model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, callbacks=[ours])
        GridSearchCV(model, {"max_depth": [1, 2]}, cv=2).fit(X, X[:, 0] > 10)
"""


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Fits:
    more = {
        "further": "ours = own(); model = fit(ours); fit(ours, xgb_model=model)",
        "stopped before": "fit(own(), before=[Stops()])",
        "cv": "xgboost.cv(PARAMS, data(), 3, nfold=2, callbacks=[own()])",
        "search": "with around(): estimator(adapter())",
    }
    return Fits(tmp_path_factory.mktemp("xgboost"), SCRIPT, more, without=("evaluated",))


@pytest.mark.parametrize("end", [end for end in ENDS if "evaluated" not in end])
def test_a_fits_status_is_true(fits: Fits, end: str) -> None:
    fits.check(end)


def test_each_round_is_one_record(fits: Fits) -> None:
    assert fits["own, success"].points == [("round", number, ["test/logloss"]) for number in range(4)]


def test_rounds_go_on_where_a_model_is_trained_further(fits: Fits) -> None:
    assert [number for _, number, _ in fits["further"].points] == [*range(8)]


def test_the_last_round_is_there_where_a_callback_before_ours_stops(fits: Fits) -> None:
    assert [number for _, number, _ in fits["stopped before"].points] == [0, 1, 2]


def test_a_cross_validation_has_means_and_deviations(fits: Fits) -> None:
    names = ["test/logloss", "test/logloss-std", "train/logloss", "train/logloss-std"]
    assert fits["cv"].points == [("round", number, names) for number in range(3)]


def test_the_boosters_settings_are_params(fits: Fits) -> None:
    assert "learner" in fits["own, success"].params[0]


def test_a_search_that_copies_the_callback_logs_into_the_run_around(fits: Fits) -> None:
    assert fits["search"].ends == SUCCESS, fits["search"].output
